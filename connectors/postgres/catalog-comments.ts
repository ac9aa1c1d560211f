/**
 * Comments, looked up by catalog and OID.
 *
 * Source: PostgreSQL documentation, pg_description.
 */
import type { ClientBase } from "pg";

export type CommentedClass = "pg_class" | "pg_constraint" | "pg_type" | "pg_collation";

interface CommentRow {
  class: CommentedClass;
  oid: number;
  column: number;
  comment: string;
}

const sql = `
SELECT asked.class, asked.oid, d.objsubid AS column, d.description AS comment
  FROM unnest($1::text[], $2::oid[]) AS asked(class, oid)
  JOIN pg_description d ON d.classoid = asked.class::regclass AND d.objoid = asked.oid`;

export class Comments {
  readonly #comments = new Map<string, string>();

  async read(client: ClientBase, objects: Readonly<Partial<Record<CommentedClass, readonly number[]>>>): Promise<void> {
    const asked = Object.entries(objects).flatMap(([name, oids]) => oids.map((oid) => ({ name, oid })));
    const { rows } = await client.query<CommentRow>(sql, [asked.map(({ name }) => name), asked.map(({ oid }) => oid)]);
    for (const row of rows) this.#comments.set(`${row.class} ${row.oid} ${row.column}`, row.comment);
  }

  /** @param column attnum, for columns and attributes of composite types (with `pg_class` and the OID of the relation) */
  of(commentedClass: CommentedClass, oid: number, column = 0): string | null {
    return this.#comments.get(`${commentedClass} ${oid} ${column}`) ?? null;
  }
}
