/**
 * How types are called, with their modifiers.
 *
 * format_type's text is right for built-in types (`timestamp(3) with time zone` has its modifier in the middle) and depends on the search_path
 * for all others; for those the parts are read one by one, so that whoever writes DDL can put another schema in front.
 *
 * Source: PostgreSQL documentation, format_type; format_type_extended in the server's utils/adt/format_type.c.
 */
import type { ClientBase } from "pg";
import type { TypeName } from "./catalog-model.ts";

const sql = `
SELECT asked.oid,
       asked.typmod,
       format_type(asked.oid, asked.typmod) AS text,
       format_type(asked.oid, NULL) AS "bareText",
       n.nspname AS schema,
       element.typname AS name,
       element.oid <> t.oid AS array,
       CASE WHEN n.nspname = 'pg_catalog' THEN ''
            ELSE substr(format_type(element.oid, asked.typmod), length(format_type(element.oid, NULL)) + 1) END AS modifier,
       coalesce(r.rngtypid, element.oid) AS definition,
       (SELECT e.extname FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid
         WHERE m.classid = 'pg_type'::regclass AND m.objid = coalesce(r.rngtypid, element.oid) AND m.deptype = 'e') AS extension
  FROM (SELECT DISTINCT oid, typmod FROM unnest($1::oid[], $2::int4[]) AS pair(oid, typmod)) AS asked
  JOIN pg_type t ON t.oid = asked.oid
  -- int2vector and oidvector have elements, and are no arrays to anybody; they have plain storage.
  JOIN pg_type element ON element.oid =
       CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc AND t.typstorage <> 'p' THEN t.typelem ELSE t.oid END
  JOIN pg_namespace n ON n.oid = element.typnamespace
  LEFT JOIN pg_range r ON element.typtype = 'm' AND r.rngmultitypid = element.oid`;

/** A type and its modifier, as catalogs keep them beside each other. */
export interface TypeUse {
  type: number;
  typmod: number;
}

export class TypeNames {
  readonly #names = new Map<string, TypeName>();

  async read(client: ClientBase, uses: readonly TypeUse[]): Promise<void> {
    const { rows } = await client.query<TypeName>(sql, [uses.map((use) => use.type), uses.map((use) => use.typmod)]);
    // format_type prints ??? for a type that is gone by now; one that is called that stands in quotes.
    for (const row of rows) if (!row.text.startsWith("???")) this.#names.set(`${row.oid} ${row.typmod}`, row);
  }

  /** Undefined when the type has vanished since it was asked for. */
  of({ type, typmod }: TypeUse): TypeName | undefined {
    return this.#names.get(`${type} ${typmod}`);
  }
}
