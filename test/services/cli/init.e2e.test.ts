/** `init` of a real monolith: what it suggests is a configuration that `check` takes, and nothing is lost in between. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { check } from "../../../services/cli/check.ts";
import { init } from "../../../services/cli/init.ts";
import { createTerminal } from "../../../services/cli/terminal.ts";
import { loadConfiguration } from "../../../services/runtime/configuration.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const shop = `
  CREATE TABLE users (id int8 PRIMARY KEY, name text);
  CREATE TABLE orders (id int8 PRIMARY KEY, user_id int8 REFERENCES users);
  CREATE TABLE order_items (order_id int8 REFERENCES orders, line int, PRIMARY KEY (order_id, line));
  CREATE TABLE days (day date PRIMARY KEY) PARTITION BY RANGE (day);
  CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE log (line text);
  CREATE SCHEMA "odd.one";
  CREATE TABLE "odd.one"."a # b
c" (id int8 PRIMARY KEY);
  INSERT INTO users VALUES (1, 'a'); INSERT INTO orders VALUES (1, 1)`;

describe("init", () => {
  test("--yes writes what follows from the foreign keys; `check` asks for nothing but what `up` makes, and a second `init` leaves it as it is", async () => {
    await using pipeline = await createPipeline(shop);
    await using folder = await temporaryFolder();
    const file = join(folder.path, "offtake.yaml");
    const env = { OFFTAKE_SOURCE_URL: pipeline.sourceUrl, OFFTAKE_CONTROL_URL: pipeline.controlUrl };
    const servers = ["--brokers", inject("kafka").join(","), "--registry", inject("registry")];
    const done = await offtake(["init", "--yes", "--json", "--config", file, ...servers], { env });
    expect([done.code, done.stderr]).toEqual([0, ""]);
    const answer = lastObject(done.stdout);
    const database = new URL(pipeline.sourceUrl).pathname.slice(1);
    expect(answer).toMatchObject({
      file,
      services: [
        { service: "odd-one", variable: "ODD_ONE_URL", tables: ['"odd.one".a # b\nc'] },
        { variable: `${database.toUpperCase()}_URL`, tables: ["days"] },
        { service: "orders", variable: "ORDERS_URL", tables: ["orders", "order_items"] },
        { service: "users", variable: "USERS_URL", tables: ["users"] },
      ],
      leftOut: [{ table: "log", why: expect.stringContaining("no primary key"), cure: expect.stringContaining("REPLICA IDENTITY FULL") }],
    });
    expect(namesIn(answer)).toEqual(namesIn(documentedAnswer("init")));
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/- orders # .*key id; \d+ rows written, by \S+; user_id -> users, of users$/m);
    expect(text).toMatch(/^# {3}log: .*no primary key/m);

    const targets = Object.fromEntries(
      ["ODD_ONE_URL", `${database.toUpperCase()}_URL`, "ORDERS_URL", "USERS_URL"].map((name) => [name, pipeline.targetUrl]),
    );
    const findings = await check(loadConfiguration(file, { ...env, ...targets }));
    // Tables of the targets are made by `up --create-tables`; four services on one database are this test's own doing.
    expect(findings.filter(({ level, where }) => level === "fault" && !where.startsWith("service "))).toEqual([]);

    const again = await offtake(["init", "--yes", "--config", file, ...servers], { env });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("is there already, and is left as it is")]);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("asks which service owns what: names join tables, a hyphen leaves them where they are", async () => {
    await using pipeline = await createPipeline(shop);
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "url"), `${pipeline.sourceUrl}\n`);
    const options = { file: join(folder.path, "offtake.yaml"), source: "file:url", brokers: ["127.0.0.1:9092"], registry: "http://127.0.0.1:8081" };
    const answers = ["-", "-", "not a name", "sales", "sales", "10.0.0.1:9092, 10.0.0.2:9092", "http://10.0.0.3:8081"];
    const asked: string[] = [];
    const ask = async (_: string, offered: string): Promise<string> => {
      asked.push(offered);
      return answers[asked.length - 1]!;
    };
    const { object } = await init(options, {}, createTerminal(true), ask);
    expect(asked).toEqual(["odd-one", expect.any(String), "orders", "orders", "users", "127.0.0.1:9092", "http://127.0.0.1:8081"]);
    expect(object).toMatchObject({
      services: [{ service: "sales", tables: ["orders", "order_items", "users"] }],
      variables: ["OFFTAKE_CONTROL_URL", "SALES_URL"],
    });
    const configuration = loadConfiguration(options.file, { OFFTAKE_CONTROL_URL: pipeline.controlUrl, SALES_URL: pipeline.targetUrl });
    expect(configuration.kafka.brokers).toEqual(["10.0.0.1:9092", "10.0.0.2:9092"]);
    expect(configuration.services[0]!.tables.map(({ table }) => table)).toEqual(["orders", "order_items", "users"]);
  });

  test("refuses what it cannot use, and says what to do", async () => {
    await using folder = await temporaryFolder();
    const options = { file: join(folder.path, "offtake.yaml"), source: "env:MONOLITH", brokers: [], registry: "" };
    const refused = async (source: string, env: NodeJS.ProcessEnv = {}) =>
      errorOf(init({ ...options, source }, env, createTerminal(true), undefined));
    expect(await refused("env:MONOLITH")).toMatchObject({
      code: "USAGE",
      message: "The monolith is not known: the environment variable MONOLITH is not set.",
    });
    for (const mistyped of ["127.0.0.1:5432", "http://127.0.0.1:5432/shop", "postgres://app:p#w@127.0.0.1/shop", "'postgres://app@127.0.0.1/shop'"]) {
      const { code, message } = await refused("env:M", { M: mistyped });
      expect([code, message]).toEqual(["USAGE", expect.stringContaining("env:M: expected a URL such as postgres://user@host:port/database")]);
      expect(message).not.toContain(mistyped);
    }
    const literal = await refused("postgres://app:secret@10.0.0.1/shop");
    expect(literal).toMatchObject({ code: "USAGE", cure: expect.stringContaining("env:NAME") });
    expect(`${literal.message}${literal.cure}`).not.toContain("secret");
    await using pipeline = await createPipeline("CREATE TABLE log (line text)");
    expect(await refused("env:M", { M: pipeline.sourceUrl })).toMatchObject({
      code: "USAGE",
      cure: expect.stringContaining("REPLICA IDENTITY FULL"),
    });
    const piped = await offtake(["init", "--config", options.file]);
    expect([piped.code, piped.stderr]).toEqual([2, expect.stringContaining("--yes")]);
  });
});
