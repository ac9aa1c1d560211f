/**
 * Unique constraints and indexes of a target's table that the source's rows may break: those that nothing at the source answers for, and those that are checked at once where the source
 * checks late. Nobody meets them until the first such row; then the applier stops with EVENT_NOT_APPLICABLE, and the service waits for an operator.
 *
 * Values that are unique by some columns are so by these and others, too; so a constraint of the target is answered for by one of the source on its columns, or on some of them.
 *
 * Pure. What has an expression or a condition is left to the applier: whether two texts mean the same cannot be told by them; so is what has columns that only the target has.
 */
import { escapeIdentifier } from "pg";
import { type TableMapping, targetColumn } from "../runtime/table-mapping.ts";
import { quotedName } from "../runtime/table-pattern.ts";
import { type Finding, warning } from "./finding.ts";
import type { TableShape, UniqueShape } from "./table-shape.ts";

/** @param replica whether the applier's role may put constraints to sleep: those that are deferrable are not checked then */
export function uniqueFindings(where: string, source: TableShape, mapping: TableMapping, target: TableShape, replica: boolean): Finding[] {
  const carried = new Set(source.columns.flatMap(({ name }) => targetColumn(mapping, name) ?? []));
  const atSource = source.uniques.flatMap((unique) => {
    const columns = unique.columns.flatMap((name) => targetColumn(mapping, name) ?? []);
    return columns.length === unique.columns.length ? [{ ...unique, columns }] : [];
  });
  return target.uniques.flatMap((unique) => {
    if (unique.deferrable && replica) return [];
    if (!unique.columns.every((name) => carried.has(name))) return [];
    const answering = atSource.filter((each) => answersFor(each, unique));
    if (answering.some((each) => unique.deferrable || !each.deferrable)) return [];
    const what = `the target's table ${target.schema}.${target.table} has ${unique.constraint ? "the unique constraint" : "the unique index"} ${unique.name}`;
    return answering.length === 0
      ? [warning(where, `${what}, which the source's has not: the applier stops at the first row that breaks it`, dropSql(mapping, unique))]
      : [
          warning(
            where,
            `${what}, which is checked at once, and the source's late: the applier stops where rows hand values on`,
            lateSql(mapping, unique),
          ),
        ];
  });
}

function answersFor(source: UniqueShape, target: UniqueShape): boolean {
  return source.columns.every((name) => target.columns.includes(name)) && (source.nullsEqual || !target.nullsEqual);
}

function dropSql(mapping: TableMapping, { name, constraint }: UniqueShape): string {
  if (constraint) return `ALTER TABLE ${quotedName(mapping)} DROP CONSTRAINT ${escapeIdentifier(name)};`;
  return `DROP INDEX ${quotedName({ schema: mapping.schema, table: name })};`;
}

function lateSql(mapping: TableMapping, unique: UniqueShape): string {
  const kind = unique.primary ? "PRIMARY KEY" : unique.nullsEqual ? "UNIQUE NULLS NOT DISTINCT" : "UNIQUE";
  const add = `ADD ${kind} (${unique.columns.map(escapeIdentifier).join(", ")}) DEFERRABLE`;
  if (!unique.constraint) return `${dropSql(mapping, unique)} ALTER TABLE ${quotedName(mapping)} ${add};`;
  return `ALTER TABLE ${quotedName(mapping)} DROP CONSTRAINT ${escapeIdentifier(unique.name)}, ${add};`;
}
