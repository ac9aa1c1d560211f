/**
 * `offtake init`: reads a monolith's catalogs, asks which service owns what, and writes an offtake.yaml to begin with. It changes nothing in the monolith, and never
 * writes over a file.
 */
import { writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { surveyTables } from "../../connectors/postgres/catalog-survey.ts";
import { inCatalogSnapshot } from "../../connectors/postgres/catalog-session.ts";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { kafkaName, kafkaNamePattern } from "../../schemas/configuration.ts";
import { databaseFault } from "../runtime/configuration-secrets.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import { isLiteral, References } from "../runtime/references.ts";
import type { Secret } from "../runtime/secret.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { unpublishableTables } from "./check-source-tables.ts";
import { ownerIn, suggestServices, type SuggestedService } from "./ownership.ts";
import { type LeftOut, oneLine, startingConfiguration, type StartingService, tableEntry, tableRemark, variableOf } from "./starting-configuration.ts";
import type { Terminal } from "./terminal.ts";

export interface InitOptions {
  /** To be written. */
  readonly file: string;
  /** Where the URL of the monolith is: env:NAME or file:path. */
  readonly source: string;
  /** host:port */
  readonly brokers: readonly string[];
  readonly registry: string;
}

/** Somebody who answers. @returns what was typed, or what is offered where nothing was */
export type Ask = (question: string, offered: string) => Promise<string>;

export interface Initial {
  readonly object: {
    readonly file: string;
    readonly services: readonly { readonly service: string; readonly variable: string; readonly tables: readonly string[] }[];
    readonly leftOut: readonly { readonly table: string; readonly why: string; readonly cure: string }[];
    /** To be set before `check`. */
    readonly variables: readonly string[];
  };
  readonly text: string;
}

/** An answer that leaves tables where they are. */
const none = "-";

/**
 * @param ask undefined where the suggestions are taken as they are
 * @throws OfftakeError USAGE, CONFIG_INVALID, SOURCE_UNREACHABLE, SOURCE_REFUSED
 */
export async function init(options: InitOptions, env: NodeJS.ProcessEnv, terminal: Terminal, ask: Ask | undefined): Promise<Initial> {
  const url = sourceUrl(options, env);
  const { database, suggested, leftOut } = await look(url);
  if (suggested.length === 0)
    throw new OfftakeError("USAGE", `The database ${database} has no table that can be replicated as it is.`, {
      cure: leftOut.length === 0 ? "Is it the right database?" : leftOut.map(({ cure }) => cure).join(" "),
    });
  const services = ask === undefined ? suggested : await chosen(suggested, terminal, ask);
  if (services.length === 0) throw new OfftakeError("USAGE", "Every table is left where it is: there is no service, and no file was written.");
  const brokers =
    ask === undefined ? options.brokers : (await ask("Kafka, host:port of one or more brokers", options.brokers.join(","))).split(/[\s,]+/);
  const registry = ask === undefined ? options.registry : await ask("Schema registry, URL of its Confluent API", options.registry);
  const starting = services.map((service): StartingService => ({ ...service, variable: variableOf(service.name) }));
  const text = startingConfiguration({ ...options, brokers, registry, database, services: starting, leftOut });
  await writeNew(options.file, text);
  return answerOf(options, starting, leftOut);
}

function sourceUrl({ source, file }: InitOptions, env: NodeJS.ProcessEnv): Secret {
  if (isLiteral(source))
    throw new OfftakeError("USAGE", "--source takes no URL: everybody on this machine can read a command's arguments.", {
      cure: "Put the URL into an environment variable or a file, and give --source env:NAME or file:path.",
    });
  const resolved = new References(env, dirname(file)).resolve(source);
  const fault = "fault" in resolved ? resolved.fault : databaseFault(resolved.secret.reveal(), false);
  if ("secret" in resolved && fault === undefined) return resolved.secret;
  throw new OfftakeError("USAGE", `The monolith is not known: ${"fault" in resolved ? "" : `${source}: `}${fault}.`, {
    cure: "export OFFTAKE_SOURCE_URL=postgres://user@host:port/database, or say with --source env:NAME or file:path where it is.",
  });
}

async function look(url: Secret): Promise<{ database: string; suggested: SuggestedService[]; leftOut: LeftOut[] }> {
  const client = await openSession(url, { side: "source", applicationName: "offtake init", statementTimeoutMs: 60_000 });
  try {
    return await inCatalogSnapshot(client, [], async () => {
      const database = (await client.query<{ name: string }>("SELECT pg_catalog.current_database()::text AS name")).rows[0]!.name;
      const tables = await surveyTables(client);
      const faults = await unpublishableTables(client, tables);
      const fit = tables.filter((table) => !faults.has(fullName(table)));
      const leftOut = tables.flatMap((table): LeftOut[] => {
        const fault = faults.get(fullName(table));
        return fault === undefined ? [] : [{ table, why: fault.what, cure: fault.cure ?? "" }];
      });
      return { database, suggested: suggestServices(fit, database), leftOut };
    });
  } finally {
    await endSession(client);
  }
}

/** Tables of two suggestions that get the same name are one service's. */
async function chosen(suggested: readonly SuggestedService[], terminal: Terminal, ask: Ask): Promise<SuggestedService[]> {
  const ownerOf = ownerIn(suggested);
  const services = new Map<string, SuggestedService>();
  for (const { name, tables } of suggested) {
    for (const table of tables) terminal.progress(oneLine(`  ${tableEntry(table)}: ${tableRemark(table, ownerOf)}`));
    const answer = await serviceName(name, terminal, ask);
    if (answer !== none) services.set(answer, { name: answer, tables: [...(services.get(answer)?.tables ?? []), ...tables] });
  }
  return [...services.values()];
}

async function serviceName(offered: string, terminal: Terminal, ask: Ask): Promise<string> {
  for (;;) {
    const answer = await ask(`Service that owns them, or ${none} to leave them where they are`, offered);
    if (answer === none || kafkaNamePattern.test(answer)) return answer;
    terminal.progress(`${answer} is no name of a service: expected ${kafkaName}.`);
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (error) {
    const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
    throw new OfftakeError(
      "USAGE",
      exists ? `The file ${file} is there already, and is left as it is.` : `The file ${file} could not be written: ${messageOf(error)}.`,
      {
        cure: exists ? "Move it away, or name another with --config." : "Name another with --config.",
      },
    );
  }
}

function answerOf({ file, source }: InitOptions, services: readonly StartingService[], leftOut: readonly LeftOut[]): Initial {
  const ofSource = source.startsWith("env:") ? [source.slice("env:".length)] : [];
  const variables = [...ofSource, "OFFTAKE_CONTROL_URL", ...services.map(({ variable }) => variable)];
  const lines = [
    `${file} is written: ${services.length} services, ${services.reduce((sum, { tables }) => sum + tables.length, 0)} tables.`,
    ...services.map(({ name, tables }) => `  ${name}: ${tables.map(tableEntry).join(", ")}`),
    ...leftOut.map(({ table, why, cure }) => `  not replicated as it is: ${tableEntry(table)}: ${why}. ${cure}`),
    `Set ${variables.join(", ")}, each to postgres://user@host:port/database, and run: offtake check`,
  ];
  return {
    object: {
      file,
      services: services.map(({ name, variable, tables }) => ({ service: name, variable, tables: tables.map(tableEntry) })),
      leftOut: leftOut.map(({ table, why, cure }) => ({ table: tableEntry(table), why, cure })),
      variables,
    },
    text: lines.join("\n"),
  };
}
