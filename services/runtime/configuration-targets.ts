/**
 * Databases of offtake.yaml that are the monolith's own. A table that goes to itself is changed by each of its own changes, for ever, and one that goes to
 * another table of the monolith's `tables` fills that: the topic grows until somebody looks. Offtake's own tables there would be one more load, and gone with the
 * monolith.
 *
 * As a target another schema of the monolith's database, or another name, is as good as any other.
 *
 * Works on whatever part of the file is valid: what is not there was at fault before, and is not judged.
 */
import type { WrittenConfiguration } from "../../schemas/configuration.ts";
import { keyText, pathText, type Fault } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";
import { databaseAddress } from "./database-address.ts";
import type { References } from "./references.ts";
import { fullName, isLiteral, matchesTable, parseTablePattern, type TablePattern } from "./table-pattern.ts";

export function checkTargets(valid: Part<WrittenConfiguration>, references: References): Fault[] {
  const source = addressOf(valid.source?.url, references);
  if (source === undefined) return [];
  return [...controlFaults(valid, references, source), ...targetFaults(valid, references, source)];
}

function controlFaults(valid: Part<WrittenConfiguration>, references: References, source: string): Fault[] {
  if (addressOf(valid.control?.url, references) !== source) return [];
  const message = "control.url: this is the monolith's own database: give Offtake a database of its own";
  return [{ path: ["control", "url"], at: "value", message }];
}

function targetFaults(valid: Part<WrittenConfiguration>, references: References, source: string): Fault[] {
  const entries = Object.values(valid.services ?? {}).flatMap((service) => entriesOf(service?.tables).map(({ pattern }) => pattern));
  return Object.entries(valid.services ?? {}).flatMap(([name, service]) => {
    if (addressOf(service?.target?.url, references) !== source) return [];
    const schema = service?.target?.schema ?? "public";
    const own = entriesOf(service?.tables).find(({ pattern, target }) => {
      const plain = { schema: pattern.schema === "public" ? schema : pattern.schema, table: pattern.table };
      const goes = (target === undefined ? undefined : parseTablePattern(target, schema)) ?? plain;
      return fullName(goes) === fullName(pattern) || (isLiteral(goes) && entries.some((entry) => matchesTable(entry, goes)));
    });
    if (own === undefined) return [];
    const path = ["services", name, "target", "url"];
    const message = `${pathText(path)}: this is the monolith's own database, in which \`${keyText(own.text)}\` goes to a table of the monolith: each change would bring about the next; give the service a database of its own`;
    return [{ path, at: "value" as const, message }];
  });
}

interface Entry {
  readonly text: string;
  readonly pattern: TablePattern;
  readonly target: string | undefined;
}

type Tables = NonNullable<NonNullable<Part<WrittenConfiguration>["services"]>[string]>["tables"];

function entriesOf(tables: Tables): Entry[] {
  const written: [string | undefined, { readonly target?: string | undefined } | null | undefined][] = Array.isArray(tables)
    ? tables.map((text) => [text, undefined])
    : Object.entries(tables ?? {});
  return written.flatMap(([text, options]) => {
    const pattern = text === undefined ? undefined : parseTablePattern(text);
    return text === undefined || pattern === undefined ? [] : [{ text, pattern, target: options?.target }];
  });
}

/** Undefined for what is at fault itself. */
function addressOf(url: string | undefined, references: References): string | undefined {
  const resolved = url === undefined ? undefined : references.resolve(url);
  if (resolved === undefined || "fault" in resolved) return undefined;
  const value = resolved.secret.reveal();
  return URL.parse(value)?.protocol.startsWith("postgres") === true ? databaseAddress(value) : undefined;
}
