/**
 * One monolith and two services that its tables leave for, each with its own connector, slot, topic and target; all connectors in one process, and all appliers in
 * another, so that what one of them does to its process is done to its neighbour.
 *
 * The one is made ill (ailments.ts), the other must not know.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { createDatabase, dropDatabase } from "../../infra/local/postgres-server.ts";
import { up } from "../../services/cli/up.ts";
import { type Configuration, loadConfiguration } from "../../services/runtime/configuration.ts";
import { at, type BankServers, databaseUrl } from "./bank-pipeline.ts";
import { Victim } from "./victim.ts";

export interface ServiceSide {
  readonly name: "ill" | "sound";
  /** At the source and at the target: `id bigint PRIMARY KEY, note text`. */
  readonly table: string;
  readonly targetUrl: string;
  readonly slot: string;
  readonly topic: string;
}

/** Lines of the connectors' log and of the appliers'. */
type Said = readonly [connectors: number, appliers: number];

export interface TwoServicesServers extends BankServers {
  /** A superuser's URL of the server that the ill service has its database on. */
  readonly illTarget: string;
}

export interface TwoServicesOptions {
  /** What configuration and logs are called by. */
  readonly run?: string;
  /** Ports that the product gets for those of the servers. */
  readonly through?: Readonly<Record<number, number>>;
}

export class TwoServices implements AsyncDisposable {
  readonly name: string;
  readonly configuration: Configuration;
  readonly file: string;
  readonly sourceUrl: string;
  readonly ill: ServiceSide;
  readonly sound: ServiceSide;
  readonly connectors: Victim;
  readonly appliers: Victim;
  readonly #servers: TwoServicesServers;

  private constructor(servers: TwoServicesServers, name: string, file: string, log: (kind: string) => string) {
    this.#servers = servers;
    this.name = name;
    this.file = file;
    this.configuration = loadConfiguration(file, process.env);
    this.sourceUrl = databaseUrl(servers.source, name);
    this.ill = this.#side("ill", servers.illTarget);
    this.sound = this.#side("sound", servers.target);
    const start = (kind: string): Victim => new Victim(["--config", file, "run", kind, "--http-port", "0"], log(kind));
    this.connectors = start("connector");
    this.appliers = start("applier");
  }

  /** @param folder exists; gets configuration and logs */
  static async open(servers: TwoServicesServers, folder: string, { run = "two", through = {} }: TwoServicesOptions = {}): Promise<TwoServices> {
    const name = `two_${randomBytes(6).toString("hex")}`;
    await createDatabase(servers.source, name);
    await createDatabase(servers.illTarget, `${name}_ill`);
    for (const database of [`${name}_sound`, `${name}_control`]) await createDatabase(servers.target, database);
    const file = join(folder, `${run}.yaml`);
    const reached = (server: string, database: string): string => {
      const url = new URL(databaseUrl(server, database));
      url.port = String(through[Number(url.port)] ?? url.port);
      return url.href;
    };
    const connectorOf = (service: string): object => ({
      publication: `${service}_pub`,
      slot: `${name}_${service}`,
      service,
      heartbeat: { every: "500ms" },
    });
    const serviceOn = (server: string, service: string): object => ({
      target: { url: reached(server, `${name}_${service}`) },
      // What is wrong with a server is no reason to put an event aside.
      tables: { [`${service}_event`]: { poison: "park" } },
    });
    writeFileSync(
      file,
      stringify({
        mode: "development",
        source: { url: reached(servers.source, name), maxRetainedWal: "100GiB" },
        kafka: { brokers: servers.kafka, topicPrefix: name },
        registry: { url: servers.registry },
        control: { url: reached(servers.target, `${name}_control`) },
        connectors: { ill: connectorOf("ill"), sound: connectorOf("sound") },
        services: { ill: serviceOn(servers.illTarget, "ill"), sound: serviceOn(servers.target, "sound") },
      }),
    );
    await at(databaseUrl(servers.source, name), async (client) => {
      for (const service of ["ill", "sound"]) await client.query(`CREATE TABLE ${service}_event (id bigint PRIMARY KEY, note text)`);
    });
    const silent = { json: true, progress: () => {}, answer: () => {} };
    await up(loadConfiguration(file, process.env), { createTables: true }, silent, new AbortController().signal);
    return new TwoServices(servers, name, file, (kind) => join(folder, `${run}.${kind}.log`));
  }

  /** How much has been said, in lines of each process. */
  said(): Said {
    return [this.connectors.lines.length, this.appliers.lines.length];
  }

  /** Codes of what the units of a service have said since then, or since ever. */
  errorsOf({ name }: ServiceSide, since: Said = [0, 0]): string[] {
    const news = [this.connectors, this.appliers].flatMap(({ lines }, i) => lines.slice(since[i]));
    const said = news.filter(({ unit }) => unit?.endsWith(` ${name}`));
    return [...new Set(said.flatMap(({ err }) => (err === undefined ? [] : [err.code ?? "unknown"])))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.connectors.kill(), this.appliers.kill()]);
    const { source, target, illTarget } = this.#servers;
    await dropDatabase(source, this.name);
    await dropDatabase(illTarget, `${this.name}_ill`);
    for (const database of [`${this.name}_sound`, `${this.name}_control`]) await dropDatabase(target, database);
  }

  #side(name: "ill" | "sound", server: string): ServiceSide {
    return {
      name,
      table: `${name}_event`,
      targetUrl: databaseUrl(server, `${this.name}_${name}`),
      slot: `${this.name}_${name}`,
      topic: `${this.name}.${name}`,
    };
  }
}
