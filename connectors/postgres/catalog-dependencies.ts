/**
 * What an expression needs that is not in every PostgreSQL: extensions, types, collations, sequences.
 *
 * The text does not tell (`a = b` may be an operator of an extension, `nextval('x')` a sequence anywhere), the server's own dependencies do.
 * What is built in has no entry there, and its OID is below 16384.
 *
 * Source: PostgreSQL documentation, pg_depend; FirstNormalObjectId in access/transam.h.
 */
import type { ClientBase } from "pg";
import type { Needs } from "./catalog-model.ts";

/** Where the expression is kept: a default, a constraint (of a table or a domain), an index, a partition key (its table), a type. */
export type HolderClass = "pg_attrdef" | "pg_constraint" | "pg_class" | "pg_type";

export interface Holder {
  class: HolderClass;
  oid: number;
}

interface DependencyRow {
  class: HolderClass;
  holder: number;
  kind: "type" | "collation" | "sequence" | "other";
  referenced: number;
  extension: string | null;
}

const sql = `
SELECT holder.class,
       holder.oid AS holder,
       CASE WHEN d.refclassid = 'pg_type'::regclass THEN 'type'
            WHEN d.refclassid = 'pg_collation'::regclass THEN 'collation'
            WHEN r.relkind = 'S' THEN 'sequence'
            ELSE 'other' END AS kind,
       d.refobjid AS referenced,
       e.extname AS extension
  FROM unnest($1::text[], $2::oid[]) AS holder(class, oid)
  JOIN pg_depend d ON d.classid = holder.class::regclass AND d.objid = holder.oid AND d.objsubid = 0
  LEFT JOIN pg_class r ON d.refclassid = 'pg_class'::regclass AND r.oid = d.refobjid
  LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
  -- In PostgreSQL 15 the array of an extension's type is not itself a member of the extension.
  LEFT JOIN pg_depend m ON m.classid = d.refclassid AND m.deptype = 'e'
       AND m.objid = CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE d.refobjid END
  LEFT JOIN pg_extension e ON e.oid = m.refobjid
 WHERE d.deptype IN ('n', 'a')
   AND d.refobjid >= 16384
   AND (e.oid IS NOT NULL OR r.relkind = 'S' OR d.refclassid IN ('pg_type'::regclass, 'pg_collation'::regclass))
 ORDER BY holder.class, holder.oid, e.extname, d.refobjid`;

/** What a holder needs, for those that were asked for; empty for all others. */
export class Dependencies {
  readonly #needs = new Map<string, Needs>();

  of(holderClass: HolderClass, oid: number | null): Needs {
    return this.#needs.get(`${holderClass} ${oid}`) ?? { extensions: [], types: [], collations: [], sequences: [] };
  }

  /** Every OID of one kind, over all holders. */
  all(kind: "types" | "collations" | "sequences"): number[] {
    return [...new Set([...this.#needs.values()].flatMap((needs) => needs[kind]))];
  }

  async read(client: ClientBase, holders: readonly Holder[]): Promise<void> {
    const { rows } = await client.query<DependencyRow>(sql, [holders.map((holder) => holder.class), holders.map((holder) => holder.oid)]);
    for (const row of rows) this.#add(row);
  }

  /** Puts in the place of arrays and multiranges what they come with. */
  resolveTypes(definitionOf: (oid: number) => number): void {
    for (const needs of this.#needs.values()) needs.types = [...new Set(needs.types.map((type) => definitionOf(type)))];
  }

  #add(row: DependencyRow): void {
    const needs = this.of(row.class, row.holder);
    this.#needs.set(`${row.class} ${row.holder}`, needs);
    if (row.extension !== null) addOnce(needs.extensions, row.extension);
    else if (row.kind === "type") addOnce(needs.types, row.referenced);
    else if (row.kind === "collation") addOnce(needs.collations, row.referenced);
    else if (row.kind === "sequence") addOnce(needs.sequences, row.referenced);
  }
}

function addOnce<T>(list: T[], item: T): void {
  if (!list.includes(item)) list.push(item);
}
