/**
 * The text of the offtake.yaml that `offtake init` writes: for its user to read and to change, so that it says beside each table what speaks for its place, and beside
 * each key what it is for. What cannot be replicated as it is stands there as a comment, with the cure: left out in silence it would be missed after the cutover.
 *
 * Pure.
 */
import { stringify } from "yaml";
import type { SurveyedTable } from "../../connectors/postgres/catalog-survey.ts";
import { type TableName, writtenName } from "../runtime/table-pattern.ts";
import { ownerIn } from "./ownership.ts";

export interface StartingService {
  readonly name: string;
  /** The environment variable with the URL of its database. */
  readonly variable: string;
  readonly tables: readonly SurveyedTable[];
}

/** A table that is not in the file, but in a comment. */
export interface LeftOut {
  readonly table: TableName;
  readonly why: string;
  readonly cure: string;
}

export interface Starting {
  readonly database: string;
  /** As `source.url` has it: env:NAME or file:path. */
  readonly source: string;
  readonly brokers: readonly string[];
  readonly registry: string;
  readonly services: readonly StartingService[];
  readonly leftOut: readonly LeftOut[];
}

export function startingConfiguration({ database, source, brokers, registry, services, leftOut }: Starting): string {
  const ownerOf = ownerIn(services);
  return `# What \`offtake init\` suggests for the database ${oneLine(database)}: read it, change it, then run \`offtake check\`, which says what is missing and how to mend it.
# \`offtake config schema\` prints the JSON Schema with which an editor completes and checks this file.

mode: development # production: secrets by reference only, TLS, three replicas

source: # the monolith
  url: ${scalar(source)} # postgres://user@host:port/database, a role with REPLICATION that may read the tables below

kafka:
  brokers: ${JSON.stringify(brokers)}

registry: # Confluent-compatible
  url: ${scalar(registry)}

control: # a database of Offtake's own, not the monolith's
  url: env:OFFTAKE_CONTROL_URL

# Each service gets a database, a publication <service>_pub, a slot offtake_<service> and a topic offtake.<service>.
services:
${services.map((service) => serviceText(service, ownerOf)).join("\n")}${leftOut.length === 0 ? "" : `\n# Not replicated as they are:\n${leftOut.map(leftOutText).join("\n")}\n`}`;
}

/** As the `tables` of a service name it. */
export function tableEntry({ schema, table }: TableName): string {
  return [...(schema === "public" ? [] : [schema]), table].map(writtenName).join(".");
}

/** The environment variable for the URL of a service's database. */
export function variableOf(service: string): string {
  const name = `${service.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_URL`;
  return /^(\d|OFFTAKE_)/.test(name) ? `TARGET_${name}` : name;
}

/** What it is and how it is used, in one line. */
export function tableRemark(table: SurveyedTable, ownerOf: (table: TableName) => string | undefined): string {
  const own = ownerOf(table);
  const references = table.references.map(({ to, columns }) => {
    const owner = ownerOf(to);
    const where = owner === own ? "" : owner === undefined ? ", of no service" : `, of ${owner}`;
    return `${columns.join(", ")} -> ${tableEntry(to)}${where}`;
  });
  return [
    table.rows === null ? size(table.bytes) : `${table.rows} rows, ${size(table.bytes)}`,
    table.key.length === 0 ? "no primary key" : `key ${table.key.join(", ")}`,
    `${table.writes} rows written, by ${table.writers.join(", ")}`,
    ...references,
  ].join("; ");
}

function serviceText({ name, variable, tables }: StartingService, ownerOf: (table: TableName) => string | undefined): string {
  const rows = tables.map((table) => `      - ${scalar(tableEntry(table))} # ${oneLine(tableRemark(table, ownerOf))}`);
  return `  ${scalar(name)}:\n    target:\n      url: env:${variable}\n    tables:\n${rows.join("\n")}\n`;
}

function leftOutText({ table, why, cure }: LeftOut): string {
  return `#   ${oneLine(tableEntry(table))}: ${oneLine(why)}\n#     ${oneLine(cure)}`;
}

function size(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / (1 << 20))} MiB`;
}

/** On one line, quoted where YAML would take it for something else. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, defaultStringType: /[\n\r#]/.test(text) ? "QUOTE_DOUBLE" : "PLAIN" }).trimEnd();
}

/** A name may hold a line's end, and what follows it would be no comment any more. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ");
}
