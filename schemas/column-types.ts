/**
 * The PostgreSQL types of a table's columns, as a registered schema names them. A parsed schema has lost them, so they are read from its JSON; read wrongly,
 * an altered column of the monolith passes for what it was.
 *
 * Source: schemas/postgres-types.ts; connectors/postgres/relation-compiler.ts.
 */
import { z } from "zod";
import { postgresName } from "./avro-names.ts";

export interface ColumnType {
  /** As the stream has it: a built-in type's name, or schema.name. */
  readonly pgType: string;
  /** As pg_attribute.atttypmod, -1 for none. */
  readonly modifier: number;
  /** Whether rows that are older than the column may hold something in it. */
  readonly filled: boolean;
}

const columnType = z.object({ pgType: z.string(), pgModifier: z.int().default(-1), pgFilled: z.boolean().default(false) });
const column = z.object({ name: z.string(), type: z.union([columnType, z.tuple([z.literal("null"), columnType])]) });
const before = z.object({ name: z.literal("before"), type: z.tuple([z.literal("null"), z.object({ fields: z.array(column) })]) });
const envelope = z.object({ fields: z.tuple([before]).rest(z.unknown()) });

/**
 * By name, as PostgreSQL spells it.
 *
 * @param schema an envelope as it was registered
 * @returns undefined for what is none of Offtake's
 */
export function columnTypes(schema: unknown): ReadonlyMap<string, ColumnType> | undefined {
  const parsed = envelope.safeParse(schema);
  if (!parsed.success) return undefined;
  return new Map(
    parsed.data.fields[0].type[1].fields.map(({ name, type }) => {
      const { pgType, pgModifier, pgFilled } = Array.isArray(type) ? type[1] : type;
      return [postgresName(name), { pgType, modifier: pgModifier, filled: pgFilled }];
    }),
  );
}
