/**
 * Which Avro type carries which PostgreSQL type.
 *
 * The server's own text is the truth: a type is native in Avro only where the native form holds every value that the type has (NaN and
 * infinities of floats do, numeric's do not). All others travel as the text that PostgreSQL prints under canonical session settings, so that
 * infinity, BC, 24:00:00, shifted array bounds and trailing zeros arrive as they left. Domains, enums, composites, arrays and ranges are text.
 *
 * Source: PostgreSQL documentation, "Data Types"; Debezium's "Data types" for the connect.name of each.
 */
import { builtInTypes } from "./built-in-types.ts";

/** How a column's value is written: the Avro primitive that carries it. */
export type AvroForm = "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string";

/** The type of a field as the registry shows it. */
export interface AvroColumnType {
  readonly form: AvroForm;
  /** Avro JSON, with pgType and, where other software knows one of the same form, connect.name. */
  readonly schema: { readonly type: AvroForm; readonly pgType: string; readonly [property: string]: unknown };
}

const native: Readonly<Record<string, { form: AvroForm; properties?: Record<string, unknown> }>> = {
  bool: { form: "boolean" },
  int2: { form: "int", properties: { "connect.type": "int16" } },
  int4: { form: "int" },
  int8: { form: "long" },
  float4: { form: "float" },
  float8: { form: "double" },
  bytea: { form: "bytes" },
};

const semantic: Readonly<Record<string, string>> = {
  uuid: "io.debezium.data.Uuid",
  json: "io.debezium.data.Json",
  jsonb: "io.debezium.data.Json",
  xml: "io.debezium.data.Xml",
};

/**
 * @param oid pg_type.oid
 * @param name what the stream's Type message called it, for types that are not built in
 */
export function avroColumnType(oid: number, name: string | undefined): AvroColumnType {
  const builtIn = builtInTypes[oid];
  const pgType = builtIn ?? name ?? `oid ${oid}`;
  const form = builtIn === undefined ? undefined : native[builtIn];
  if (form !== undefined) return { form: form.form, schema: { type: form.form, pgType, ...form.properties } };
  const connectName = builtIn === undefined ? undefined : semantic[builtIn];
  return {
    form: "string",
    schema: { type: "string", pgType, ...(connectName === undefined ? {} : { "connect.version": 1, "connect.name": connectName }) },
  };
}
