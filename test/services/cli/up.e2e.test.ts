import { describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import { type Configuration, parseConfiguration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { up, type ServiceUp } from "../../../services/cli/up.ts";
import { uniqueName } from "../../support/databases.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { caughtUp, stateOf } from "../apply/same-texts.ts";
import { CliProcess, lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE users (id int8 PRIMARY KEY, name text)";

/** `offtake up --create-tables` with another configuration. @param said gets its lines */
async function upWith(configuration: Configuration, said: string[] = []): Promise<ServiceUp[]> {
  const terminal = { json: false, progress: (line: string) => void said.push(line), answer: () => {} };
  return up(configuration, { createTables: true }, terminal, new AbortController().signal);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (error instanceof OfftakeError ? error.code : String(error)),
  );
}

/** Everything that `up` makes, as the servers show it. */
async function made({ source, target, connector }: Pipeline): Promise<unknown> {
  const { rows: publication } = await source.query("SELECT oid, xmin::text FROM pg_publication");
  const { rows: slot } = await source.query("SELECT restart_lsn, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1", [
    connector.slot,
  ]);
  const { rows: objects } = await target.query(
    "SELECT oid, relname, xmin::text FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'offtake'::regnamespace) ORDER BY 1",
  );
  return { publication, slot, objects };
}

async function works(pipeline: Pipeline): Promise<void> {
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query("INSERT INTO trades VALUES (901, 'new')");
  await caughtUp(pipeline, [connector, applier]);
  expect((await pipeline.target.query("SELECT FROM trades WHERE id = 901")).rowCount).toBe(1);
}

describe("offtake up", () => {
  test("makes everything, and the second time nothing", async () => {
    await using pipeline = await createPipeline(schema);
    const said: string[] = [];
    const [first] = await upWith(pipeline.configuration, said);
    const { service, connector } = pipeline;
    expect(first).toEqual({
      service: "trading",
      connector: connector.name,
      publication: "created",
      migrations: [1, 2, 3, 4, 5],
      topic: "created",
      slot: "created",
      tables: expect.objectContaining({ created: [expect.objectContaining({ table: "trades" }), expect.objectContaining({ table: "users" })] }),
      notCopied: [],
    });
    expect(said).toContain(`trading: topic ${service.topic} created`);
    const before = await made(pipeline);
    const [second] = await upWith(pipeline.configuration);
    expect(second).toMatchObject({
      publication: "present",
      migrations: [],
      topic: "present",
      slot: "present",
      tables: { created: [] },
      notCopied: [],
    });
    expect(await made(pipeline)).toEqual(before);
    await works(pipeline);
  });

  test("tells of rows from before, every time, and marks their tables", async () => {
    await using pipeline = await createPipeline(`${schema}; INSERT INTO users VALUES (1, 'before')`);
    const said: string[] = [];
    expect((await upWith(pipeline.configuration, said))[0]!.notCopied).toEqual(["public.users"]);
    expect(said.filter((line) => line.includes("NOT COPIED: public.users"))).toHaveLength(1);
    expect((await upWith(pipeline.configuration))[0]!.notCopied).toEqual(["public.users"]);
    expect(await readNeedsCopy(pipeline.target, pipeline.connector.name)).toEqual(["public.users"]);
    await works(pipeline);
  });

  test("a table that joins later is published; one that has rows already is marked, one that has none is not", async () => {
    await using pipeline = await createPipeline(schema);
    await upWith(pipeline.configuration);
    await pipeline.source.query("CREATE TABLE late (id int4 PRIMARY KEY); CREATE TABLE empty (id int4 PRIMARY KEY); INSERT INTO late VALUES (1)");
    const [again] = await upWith(pipeline.configuration);
    expect(again).toMatchObject({ publication: "extended", slot: "present", notCopied: ["public.late"] });
    await using connector = pipeline.startConnector();
    await using applier = pipeline.startApplier();
    await pipeline.source.query("INSERT INTO late VALUES (2); INSERT INTO empty VALUES (2)");
    await caughtUp(pipeline, [connector, applier]);
    expect(await stateOf(pipeline.target, { late: "id", empty: "id" })).toEqual({ late: ["(2)"], empty: ["(2)"] });
  });

  describe("interrupted, and run again", () => {
    test.each([
      [
        "by a registry that is away, with topic and schemas made",
        async ({ configuration }: Pipeline) => ({ ...configuration, registry: { url: new Secret("http://127.0.0.1:1/") } }),
        "REGISTRY_UNREACHABLE",
      ],
      [
        "by Kafka that is away, with tables and publication made",
        async ({ configuration }: Pipeline) => ({ ...configuration, kafka: { ...configuration.kafka, brokers: ["127.0.0.1:1"] } }),
        "KAFKA_UNREACHABLE",
      ],
      [
        "by a slot that cannot be made, with the opening marker in the topic",
        // No name for a slot: refused when it is created, behind the opening marker.
        async ({ configuration, connector }: Pipeline) => ({ ...configuration, connectors: [{ ...connector, slot: "Not A Slot" }] }),
        "SOURCE_REFUSED",
      ],
    ])("%s", async (_, broken, code) => {
      await using pipeline = await createPipeline(`${schema}; INSERT INTO users VALUES (1, 'before')`);
      expect(await codeOf(upWith(await broken(pipeline)))).toBe(code);
      expect((await upWith(pipeline.configuration))[0]).toMatchObject({ slot: "created", notCopied: ["public.users"] });
      await works(pipeline);
    });

    test("by Ctrl-C, while the source waits for a transaction: nothing is left of the slot, and its rows count as not copied", async () => {
      await using pipeline = await createPipeline(schema);
      const { source, connector } = pipeline;
      await source.query("BEGIN; INSERT INTO users VALUES (1, 'before')");
      await using process = new CliProcess(["up", "--create-tables", "--config", pipeline.file, "--json"]);
      await process.says(/waiting for the transactions that are open at the source/);
      await waitFor(async () => (await source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1", [connector.slot])).rowCount === 1, {
        what: "the source to begin with the slot",
      });
      const { code, stdout } = await process.end("SIGINT");
      expect([code, lastObject(stdout)]).toMatchObject([1, { error: { code: "INTERRUPTED", cure: expect.stringContaining("run it again") } }]);
      expect((await source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1", [connector.slot])).rowCount).toBe(0);
      await source.query("COMMIT");
      const again = await offtake(["up", "--create-tables", "--config", pipeline.file, "--json"]);
      expect([again.code, lastObject(again.stdout)]).toMatchObject([0, { services: [{ slot: "created", notCopied: ["public.users"] }] }]);
      expect(namesIn(lastObject(again.stdout))).toEqual(
        expect.arrayContaining(namesIn(documentedAnswer("up")).filter((name) => !/tables\.|\[\]$/.test(name))),
      );
      await works(pipeline);
    });

    test("between the slot and the marker that says where it begins: its tables count as not copied", async () => {
      await using pipeline = await createPipeline(`${schema}; INSERT INTO users VALUES (1, 'before')`);
      // The mark fails just then, and the run with it.
      await upWith({ ...pipeline.configuration, registry: { url: new Secret("http://127.0.0.1:1/") } }).catch(() => undefined);
      await pipeline.target.query(
        `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''interrupted''; END';
         CREATE TRIGGER no BEFORE INSERT ON offtake.needs_copy FOR EACH ROW EXECUTE FUNCTION no()`,
      );
      expect(await codeOf(upWith(pipeline.configuration))).toBe("TARGET_REFUSED");
      expect((await pipeline.source.query("SELECT FROM pg_replication_slots WHERE slot_name = $1", [pipeline.connector.slot])).rowCount).toBe(1);
      await pipeline.target.query("DROP FUNCTION no CASCADE");
      expect((await upWith(pipeline.configuration))[0]).toMatchObject({ slot: "present", notCopied: ["public.trades", "public.users"] });
      await works(pipeline);
    });

    test("while a table joins a publication whose slot is there: it counts as not copied", async () => {
      await using pipeline = await createPipeline(schema);
      await upWith(pipeline.configuration);
      await pipeline.source.query("CREATE TABLE late (id int4 PRIMARY KEY); INSERT INTO late VALUES (1)");
      await pipeline.source.query(
        `CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''interrupted''; END';
         CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('ALTER PUBLICATION') EXECUTE FUNCTION no()`,
      );
      expect(await codeOf(upWith(pipeline.configuration))).toBe("SOURCE_REFUSED");
      await pipeline.source.query("DROP EVENT TRIGGER no; ALTER PUBLICATION " + pipeline.connector.publication + " ADD TABLE late");
      expect((await upWith(pipeline.configuration))[0]).toMatchObject({ publication: "present", notCopied: ["public.late"] });
    });
  });

  test("lists a foreign key between two services once, and one of a table that stays in the monolith too", async () => {
    await using pipeline = await createPipeline(
      `${schema}; ALTER TABLE trades ADD user_id int8 REFERENCES users; CREATE TABLE audit (id int8 PRIMARY KEY, user_id int8 REFERENCES users)`,
    );
    const { name } = pipeline.connector;
    const owning = (table: string) => ({ target: { url: pipeline.targetUrl }, tables: [table] });
    const text = stringify({
      mode: "development",
      source: { url: pipeline.sourceUrl },
      kafka: { brokers: inject("kafka"), topicPrefix: name },
      registry: { url: inject("registry") },
      control: { url: inject("control") },
      connectors: {
        [`${name}_a`]: { publication: `${name}_a`, slot: `${name}_a`, service: "accounts" },
        [`${name}_b`]: { publication: `${name}_b`, slot: `${name}_b`, service: "trading" },
      },
      services: { accounts: owning("users"), trading: owning("trades") },
    });
    const said: string[] = [];
    const services = await upWith(parseConfiguration(text, pipeline.file, {}), said);
    const keys = services.map(({ service, tables }) => [
      service,
      tables!.leftOut.map(({ what }) => what).filter((what) => what.startsWith("foreign key")),
    ]);
    expect(keys).toEqual([
      ["accounts", ["foreign key audit_user_id_fkey of public.audit to public.users"]],
      ["trading", ["foreign key trades_user_id_fkey of public.trades to public.users"]],
    ]);
    expect(said.filter((line) => line.includes("trades_user_id_fkey"))).toHaveLength(1);
  });

  test("says on which side it was refused", async () => {
    await using pipeline = await createPipeline(schema);
    const role = uniqueName("role");
    await pipeline.source.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x' REPLICATION; GRANT SELECT ON trades, users TO ${role}`);
    const url = new URL(pipeline.sourceUrl);
    [url.username, url.password] = [role, "x"];
    expect(await codeOf(upWith({ ...pipeline.configuration, source: { ...pipeline.configuration.source, url: new Secret(url.href) } }))).toBe(
      "SOURCE_REFUSED",
    );
    await pipeline.source.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await pipeline.target.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const target = new URL(pipeline.targetUrl);
    [target.username, target.password] = [role, "x"];
    const service = { ...pipeline.service, target: { ...pipeline.service.target, url: new Secret(target.href) } };
    expect(await codeOf(upWith({ ...pipeline.configuration, services: [service] }))).toBe("TARGET_REFUSED");
    await pipeline.target.query(`DROP ROLE ${role}`);
  });
});
