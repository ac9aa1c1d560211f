/**
 * Holds a target's table against the newest shape of the monolith's before anything of that shape is written, and adds what is to be added. A table that
 * is looked at too late has taken a row already that it should not have.
 *
 * Source: table-evolution.ts, which decides.
 */
import type { ClientBase } from "pg";
import type { EventPlan } from "../../schemas/event-plan.ts";
import { ddlPolicy, type Mapped, mappingOf } from "../runtime/table-mapping.ts";
import type { ShapeHistory } from "./table-history.ts";
import { quotedName } from "../runtime/table-pattern.ts";
import { evolve, type TypedColumn } from "./table-evolution.ts";

const columnsSql = `
  SELECT a.attname AS name, CASE n.nspname WHEN 'pg_catalog' THEN t.typname ELSE n.nspname || '.' || t.typname END AS type, a.atttypmod AS modifier
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

const typesSql = `
  SELECT wanted.source, format_type(t.oid, wanted.modifier) AS type
    FROM unnest($1::text[], $2::text[], $3::int4[]) AS wanted (source, type, modifier)
    JOIN pg_catalog.pg_type t ON true
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE CASE n.nspname WHEN 'pg_catalog' THEN t.typname ELSE n.nspname || '.' || t.typname END = wanted.type`;

/**
 * @returns the columns that were added
 * @throws OfftakeError TARGET_COLUMN_MISSING, TARGET_COLUMN_OUTDATED, errors of the registry; the server's own error
 */
export async function followTable(client: ClientBase, plan: EventPlan, service: Mapped, history: ShapeHistory): Promise<string[]> {
  const shapes = await history.of(plan);
  if (shapes === undefined || shapes.earlier.length === 0) return [];
  const mapping = mappingOf(service, plan);
  const name = quotedName(mapping);
  const { rows: columns } = await client.query<TypedColumn>(columnsSql, [name]);
  // One that is not there is the reader's to report.
  if (columns.length === 0) return [];
  // `up` makes the types of public in the service's schema.
  const renamed = (pgType: string): string => pgType.replace(/^public\./, () => `${service.target.schema}.`);
  const wanted = [...shapes.now];
  const { rows: types } = await client.query<{ source: string; type: string }>(typesSql, [
    wanted.map(([source]) => source),
    wanted.map(([, { pgType }]) => renamed(pgType)),
    wanted.map(([, { modifier }]) => modifier),
  ]);
  const added = evolve({
    mapping,
    keys: plan.keys.map((key) => plan.columns[key]!.name),
    policy: ddlPolicy(service, plan),
    shapes,
    columns,
    types: new Map(types.map(({ source, type }) => [source, type])),
    renamed,
  });
  if (added.length === 0) return [];
  // Its own transaction, or the giant's under way: either way before the first row, and a row of the shape before does not mind.
  await client.query(`ALTER TABLE ${name} ${added.map((column) => `ADD COLUMN IF NOT EXISTS ${column.name} ${column.type}`).join(", ")}`);
  return added.map((column) => `${column.name} ${column.type}`);
}
