/**
 * DDL for sequences.
 *
 * Where a sequence counts is not set here: while the monolith owns the tables it hands out the numbers, and whatever was set now would be behind
 * by the time it matters. The cutover sets every sequence beyond what either side has handed out, in the moment when nobody writes. Until then
 * a sequence at the target stands at its START, and whoever inserts there by hand gets numbers that the monolith has given out already.
 *
 * Pure.
 *
 * Source: PostgreSQL documentation, CREATE SEQUENCE.
 */
import type { CatalogSequence } from "../../connectors/postgres/catalog-model.ts";
import { quoted, type TargetNames } from "./create-names.ts";
import { withComments, type Statement } from "./create-statement.ts";

export function createSequence(sequence: CatalogSequence, names: TargetNames): Statement {
  const name = names.sql(sequence);
  const sql = `CREATE SEQUENCE ${name} AS ${sequence.type} ${sequenceOptions(sequence)}`;
  return { sql: withComments(sql, [[`SEQUENCE ${name}`, sequence.comment]]), what: `sequence ${names.text(sequence)}`, optional: false };
}

/** All of them: defaults differ between versions and with the direction. */
export function sequenceOptions({ increment, minimum, maximum, start, cache, cycle }: CatalogSequence): string {
  return `INCREMENT BY ${increment} MINVALUE ${minimum} MAXVALUE ${maximum} START WITH ${start} CACHE ${cache} ${cycle ? "CYCLE" : "NO CYCLE"}`;
}

/** So that the sequence goes when its column goes, as at the monolith. */
export function ownSequence(sequence: CatalogSequence, owner: NonNullable<CatalogSequence["owner"]>, names: TargetNames): Statement {
  const column = `${names.sql({ schema: owner.schema, name: owner.table })}.${quoted(owner.column)}`;
  return {
    sql: `ALTER SEQUENCE ${names.sql(sequence)} OWNED BY ${column}`,
    what: `owner of sequence ${names.text(sequence)}`,
    optional: false,
  };
}
