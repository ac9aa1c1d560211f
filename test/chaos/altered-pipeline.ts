/**
 * Tables that are altered while connector and applier are killed: one for each change of the schema, and one that is left alone, into which somebody writes all the
 * time.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { stringify } from "yaml";
import { createDatabase, dropDatabase } from "../../infra/local/postgres-server.ts";
import { up } from "../../services/cli/up.ts";
import { type Configuration, loadConfiguration } from "../../services/runtime/configuration.ts";
import { type SchemaChange, tableSql } from "../services/apply/schema-changes.ts";
import { type BankServers, connect, databaseUrl } from "./bank-pipeline.ts";
import { Victim } from "./victim.ts";

/** The statement of a change for the table of that number: each has its own name, and its own type. */
export function ofTable(sql: string, number: number): string {
  return sql.replaceAll(/\b(t|mood)\b/g, (name) => `${name}${number}`);
}

export class AlteredPipeline implements AsyncDisposable {
  readonly configuration: Configuration;
  readonly sourceUrl: string;
  readonly source: Client;
  readonly target: Client;
  readonly connector: Victim;
  readonly applier: Victim;
  readonly #servers: BankServers;
  readonly #name: string;

  private constructor(servers: BankServers, name: string, file: string, [source, target]: readonly [Client, Client]) {
    this.#servers = servers;
    this.#name = name;
    this.configuration = loadConfiguration(file, process.env);
    this.sourceUrl = databaseUrl(servers.source, name);
    this.source = source;
    this.target = target;
    const start = (kind: string): Victim =>
      new Victim(["--config", file, "run", kind, "--http-port", "0"], `${file}.${kind}.log`, {
        environment: { OFFTAKE_FAILPOINT: "later", NODE_COMPILE_CACHE: `${file}.compiled` },
      });
    this.connector = start("connector");
    this.applier = start("applier");
  }

  /** @param changes for each of which there is a table, by its number @param folder exists; gets configuration and logs */
  static async open(servers: BankServers, changes: readonly SchemaChange[], folder: string): Promise<AlteredPipeline> {
    const name = `altered_${randomBytes(6).toString("hex")}`;
    await createDatabase(servers.source, name);
    for (const database of [name, `${name}_control`]) await createDatabase(servers.target, database);
    const file = join(folder, `${name}.yaml`);
    writeFileSync(
      file,
      stringify({
        mode: "development",
        source: { url: databaseUrl(servers.source, name) },
        kafka: { brokers: servers.kafka, topicPrefix: name },
        registry: { url: servers.registry },
        control: { url: databaseUrl(servers.target, `${name}_control`) },
        connectors: { [name]: { publication: `${name}_pub`, slot: name, service: "altered", heartbeat: { every: "2s" } } },
        services: {
          altered: {
            target: { url: databaseUrl(servers.target, name) },
            tables: Object.fromEntries([["beside", {}], ...changes.map(({ ddl }, number) => [`t${number}`, ddl === undefined ? {} : { ddl }])]),
          },
        },
      }),
    );
    const source = await connect(databaseUrl(servers.source, name));
    await source.query("CREATE TABLE beside (id bigint PRIMARY KEY, note text)");
    for (const [number, change] of changes.entries()) await source.query(ofTable(tableSql(change), number));
    const silent = { json: true, progress: () => {}, answer: () => {} };
    await up(loadConfiguration(file, process.env), { createTables: true }, silent, new AbortController().signal);
    return new AlteredPipeline(servers, name, file, [source, await connect(databaseUrl(servers.target, name))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.connector.kill(), this.applier.kill()]);
    await Promise.all([this.source.end(), this.target.end()]);
    await dropDatabase(this.#servers.source, this.#name);
    for (const database of [this.#name, `${this.#name}_control`]) await dropDatabase(this.#servers.target, database);
  }
}
