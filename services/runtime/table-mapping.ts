/**
 * Where a table of the monolith goes: under which name, which of its columns, and under which names. A table or column that is mapped one way by the applier
 * and another way by `check` or `up` would be found missing, or written over, so all of them ask here.
 *
 * Pure.
 */
import type { ServiceConfiguration } from "./configuration.ts";
import { isLiteral, matchesTable, type TableName } from "./table-pattern.ts";

/** What offtake.yaml says of one table that is not at the target what it is at the source. */
export interface WrittenMapping {
  /** Schema and table at the target; the service's own schema where only a table is named. */
  readonly target: TableName | undefined;
  /** Names at the target, by the source's. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns of the source that the target does not get. */
  readonly exclude: readonly string[];
}

/** Schema and table are the target's. */
export interface TableMapping extends TableName {
  readonly columns: ReadonlyMap<string, string>;
  readonly exclude: ReadonlySet<string>;
  /** Whether the target's table is another than the source's by name or columns. */
  readonly differs: boolean;
}

/** What the applier does about a column that was added: wait until the target has it, or add it. */
export type DdlPolicy = "stop" | "follow";

/** How often, and how closely, a table is compared with the monolith's. */
export interface ReconcilePolicy {
  readonly everyMs: number;
  readonly level: "basic" | "detailed" | "strict";
  /** By what is printed, or by what is equal. */
  readonly hash: "representation" | "value";
  /** Undefined for no limit. */
  readonly maxLagMs?: number | undefined;
  /** From 0 to 1. */
  readonly maxMismatchRate: number;
}

/** The part of a service that says where its tables go. */
export type Mapped = Pick<ServiceConfiguration, "tables"> & { readonly target: Pick<ServiceConfiguration["target"], "schema"> };

/** @param source one of the service's tables */
export function mappingOf(service: Mapped, source: TableName): TableMapping {
  const mapping = service.tables.find((entry) => isLiteral(entry) && matchesTable(entry, source))?.mapping;
  const plain = { schema: source.schema === "public" ? service.target.schema : source.schema, table: source.table };
  return {
    ...(mapping?.target ?? plain),
    columns: new Map(Object.entries(mapping?.columns ?? {})),
    exclude: new Set(mapping?.exclude),
    differs: mapping !== undefined,
  };
}

/** @returns the column's name at the target; undefined where the target does not get it */
export function targetColumn({ columns, exclude }: TableMapping, name: string): string | undefined {
  return exclude.has(name) ? undefined : (columns.get(name) ?? name);
}

/** Of the entry that names the table; else of the first pattern that has a policy. */
export function ddlPolicy(service: Mapped, source: TableName): DdlPolicy {
  const entries = service.tables.filter((entry) => matchesTable(entry, source));
  return (entries.find(isLiteral) ?? entries.find(({ ddl }) => ddl !== undefined))?.ddl ?? "stop";
}

/** What the applier does about an event that the target refuses: wait in front of it, or put its key aside. */
export type PoisonPolicy = "stop" | "park";

/** Of the entry that names the table; else of the first pattern that has a policy. */
export function poisonPolicy(service: Mapped, source: TableName): PoisonPolicy {
  const entries = service.tables.filter((entry) => matchesTable(entry, source));
  return (entries.find(isLiteral) ?? entries.find(({ poison }) => poison !== undefined))?.poison ?? "stop";
}

export interface RedactedColumns {
  /** By the source's names. */
  readonly columns: ReadonlySet<string>;
  /** Those that the table has to have: a name with a slip in it would redact nothing. */
  readonly named: readonly string[];
}

/** Of all entries that are of the table: one too many is safe. */
export function redactedColumns(service: Mapped, source: TableName): RedactedColumns {
  const entries = service.tables.filter((entry) => matchesTable(entry, source));
  return { columns: new Set(entries.flatMap(({ redact = [] }) => redact)), named: entries.filter(isLiteral).flatMap(({ redact = [] }) => redact) };
}

/** Of the entry that names the table; else of the first pattern that has one. @returns undefined for none */
export function reconcilePolicy(service: Mapped, source: TableName): ReconcilePolicy | undefined {
  const entries = service.tables.filter((entry) => matchesTable(entry, source));
  return (entries.find(isLiteral) ?? entries.find(({ reconcile }) => reconcile !== undefined))?.reconcile;
}
