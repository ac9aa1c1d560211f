import { createServer } from "node:http";
import { once } from "node:events";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { describe, expect, inject, test } from "vitest";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { columnTypes } from "../../../schemas/column-types.ts";
import { envelopeSchema, messageSchema } from "../../../schemas/envelope.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";

function registry(url: string = inject("registry")): Registry {
  return new Registry(new Secret(url));
}

/** An envelope with columns of these names and types. */
function schemaOf(columns: Readonly<Record<string, number>>) {
  return envelopeSchema(
    { topicPrefix: "offtake", schema: "public", table: "t" },
    Object.entries(columns).map(([name, oid]) => ({ name, key: name === "id", type: avroColumnType(oid, undefined) })),
  );
}

async function compatibility(subject: string, level?: string): Promise<string> {
  const put = { method: "PUT", body: JSON.stringify({ compatibility: level }), headers: { "content-type": "application/json" } };
  const response = await fetch(`${inject("registry")}/config/${encodeURIComponent(subject)}`, level === undefined ? {} : put);
  const answer: { compatibilityLevel?: string; compatibility?: string } = JSON.parse(await response.text());
  return answer.compatibilityLevel ?? answer.compatibility ?? `status ${response.status}`;
}

async function outcomeOf(registering: Promise<number>): Promise<string> {
  return registering.then(
    () => "registered",
    (error: unknown) => (error instanceof OfftakeError ? error.code : String(error)),
  );
}

describe("Registry", () => {
  test("registers a schema once, and gives it back to whoever reads", async () => {
    const subject = uniqueName("subject");
    const id = await registry().register(subject, schemaOf({ id: 20, note: 25 }));
    expect(await registry().register(subject, schemaOf({ id: 20, note: 25 }))).toBe(id);
    const type = await registry().schema(id);
    expect(type.typeName).toBe("record");
    const independent = await new SchemaRegistry({ host: inject("registry") }).getSchema(id);
    expect(independent.isValid(type.random())).toBe(true);
  });

  test("takes a schema that several register at the same moment, as the stream and a copy of the table do", async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const subject = uniqueName("subject");
      const [one, other] = [registry(), registry()];
      const ids = await Promise.all([one, other, one, other].map(async (each) => each.register(subject, schemaOf({ id: 20 }))));
      expect(new Set(ids).size).toBe(1);
      expect(await compatibility(subject)).toBe("BACKWARD");
    }
  });

  test("gives two schemas of one subject two ids, and a subject that is new the level BACKWARD", async () => {
    const subject = uniqueName("subject");
    const one = await registry().register(subject, schemaOf({ id: 20 }));
    const other = await registry().register(subject, schemaOf({ id: 20, note: 25 }));
    expect(other).not.toBe(one);
    expect(await compatibility(subject)).toBe("BACKWARD");
  });

  test("lists what was registered under a subject, oldest first, with what a parsed schema has lost", async () => {
    const subject = uniqueName("subject");
    expect(await registry().versions(subject)).toEqual([]);
    const shapes = [schemaOf({ id: 20 }), schemaOf({ id: 20, note: 25 })];
    const ids: number[] = [];
    for (const shape of shapes) ids.push(await registry().register(subject, shape));
    const versions = await registry().versions(subject);
    expect(versions.map(({ id }) => id)).toEqual(ids);
    expect(versions.map(({ schema }) => columnTypes(schema))).toEqual(shapes.map((shape) => columnTypes(JSON.parse(JSON.stringify(shape)))));
    expect(versions.map(({ schema }) => columnTypes(schema)?.size)).toEqual([1, 2]);
  });

  test("takes columns that come and go, and types that readers understand", async () => {
    const subject = uniqueName("subject");
    const shapes: Record<string, number>[] = [
      { id: 20, a: 23 },
      { id: 20, a: 23, b: 25 },
      { id: 20, b: 25 },
      { id: 20, b: 25, a: 20 },
    ];
    for (const columns of shapes) expect(await outcomeOf(registry().register(subject, schemaOf(columns)))).toBe("registered");
    expect(await outcomeOf(registry().register(uniqueName("subject"), messageSchema("offtake")))).toBe("registered");
  });

  test("refuses a type that readers of the topic would not understand, and says what to do", async () => {
    const subject = uniqueName("subject");
    await registry().register(subject, schemaOf({ id: 20, note: 25 }));
    await expect(registry().register(subject, schemaOf({ id: 20, note: 23 }))).rejects.toMatchObject({
      code: "SCHEMA_REFUSED",
      message: expect.stringContaining(subject),
      cure: expect.stringContaining("NONE"),
    });
  });

  test.each([
    ["NONE", "registered"],
    ["FULL", "SCHEMA_REFUSED"],
    ["FORWARD_TRANSITIVE", "SCHEMA_REFUSED"],
  ])("leaves the level %s alone that an operator has set, and obeys it", async (level, outcome) => {
    const subject = uniqueName("subject");
    await registry().register(subject, schemaOf({ id: 20, note: 25 }));
    await compatibility(subject, level);
    expect(await outcomeOf(registry().register(subject, schemaOf({ id: 20, note: 23 })))).toBe(outcome);
    expect(await compatibility(subject)).toBe(level);
  });

  test("has no schema that nobody registered", async () => {
    await expect(registry().schema(2_000_000_000)).rejects.toMatchObject({ code: "SCHEMA_UNKNOWN" });
  });

  test("answers, and where it does not, says so without the password", async () => {
    await expect(registry().ping()).resolves.toBeUndefined();
    const nobody = registry("http://user:hidden@127.0.0.1:1/apis/ccompat/v7");
    const failed = await nobody.register("s", schemaOf({ id: 20 })).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("http://user@127.0.0.1:1/") });
    expect(JSON.stringify(failed) + String(failed)).not.toContain("hidden");
    await expect(nobody.schema(1)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    await expect(nobody.ping()).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  });

  test("that is no schema registry at this path refuses", async () => {
    const wrong = registry(inject("registry").replace("/apis/ccompat/v7", "/wrong"));
    await expect(wrong.register(uniqueName("subject"), schemaOf({ id: 20 }))).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });

  test("takes any number of slashes behind its path", async () => {
    await expect(registry(`${inject("registry")}//`).register(uniqueName("subject"), schemaOf({ id: 20 }))).resolves.toBeGreaterThan(0);
  });

  test.each([
    ["a page", 200, "text/html", "<html>Welcome</html>", "with a page"],
    ["a page that is not there", 404, "text/html", "<html>Not Found</html>", "404 for /subjects/offtake-ping/versions"],
    ["JSON of something else", 200, "application/json", "{}", "JSON of another kind"],
    ["another API's not found", 404, "application/json", '{"error":"not found"}', "404 for /subjects"],
  ])("what answers with %s is none, whatever is asked of it", async (_, status, type, body, words) => {
    const server = createServer((__, response) => response.writeHead(status, { "content-type": type }).end(body)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const refused = { code: "REGISTRY_REFUSED", message: expect.stringContaining(words), cure: expect.stringContaining("/apis/ccompat/v7") };
    await expect(registry(url).ping()).rejects.toMatchObject(refused);
    await expect(registry(url).register(uniqueName("subject"), schemaOf({ id: 20 }))).rejects.toMatchObject(refused);
    await expect(registry(url).versions("subject")).rejects.toMatchObject(refused);
    await expect(registry(url).schema(1)).rejects.toMatchObject(refused);
    server.close();
  });

  test("that gives rights by subject is one, though it tells nothing of a subject that is none of the role's", async () => {
    const answers: Readonly<Record<string, string>> = { "/subjects/mine/versions": "[1]", "/subjects/mine/versions/1": '{"id":7,"schema":"{}"}' };
    const server = createServer(({ url = "" }, response) => {
      const body = answers[url];
      response.writeHead(body === undefined ? 403 : 200, { "content-type": "application/json" });
      response.end(body ?? '{"error_code":40301,"message":"User is denied operation Read on Subject"}');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const granted = registry(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
    await expect(granted.versions("mine")).resolves.toEqual([{ id: 7, schema: {} }]);
    await expect(granted.versions("another")).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
    server.close();
  });

  test.each([
    [401, "REGISTRY_REFUSED"],
    [403, "REGISTRY_REFUSED"],
    [429, "REGISTRY_UNREACHABLE"],
    [500, "REGISTRY_UNREACHABLE"],
    [503, "REGISTRY_UNREACHABLE"],
  ])("that answers %i is %s, and gets user and password", async (status, code) => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(status, { "content-type": "application/json" }).end('{"error_code":1,"message":"told by the test"}');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const refused = registry(`http://us%40er:p%3Aw@127.0.0.1:${port}`);
    await expect(refused.schema(1)).rejects.toMatchObject({ code });
    await expect(refused.versions("subject")).rejects.toMatchObject({ code });
    server.close();
    expect(new Set(seen)).toEqual(new Set([`Basic ${Buffer.from("us@er:p:w").toString("base64")}`]));
  });
});
