/**
 * PostgreSQL's names as Avro's. PostgreSQL takes any characters; Avro takes [A-Za-z_][A-Za-z0-9_]*. Two columns that became one field would
 * lose one of them, so the mapping can be turned back: every other character becomes `_u` and its UTF-16 code as four hexadecimal digits, and
 * so does an underscore that would otherwise look like the beginning of such an escape. Ordinary names stay as they are.
 *
 * Source: Apache Avro specification, "Names".
 */

/** One name, without dots: a schema, a table, a column. */
export function avroName(name: string): string {
  return name.replace(/_(?=u[0-9a-f]{4})|[^A-Za-z0-9_]|^[0-9]/g, (character) => `_u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The PostgreSQL name that avroName made this of. */
export function postgresName(name: string): string {
  return name.replace(/_u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The namespace of a table's records: `<prefix>.<schema>.<table>`. Dots of the prefix stay. */
export function tableNamespace(topicPrefix: string, schema: string, table: string): string {
  return [...topicPrefix.split("."), schema, table].map(avroName).join(".");
}

/** Schema and table of a namespace that tableNamespace made. */
export function tableOfNamespace(namespace: string): { schema: string; table: string } {
  const parts = namespace.split(".");
  return { schema: postgresName(parts.at(-2) ?? ""), table: postgresName(parts.at(-1) ?? "") };
}

/** The subject of a record under TopicRecordNameStrategy. */
export function subjectOf(topic: string, fullName: string): string {
  return `${topic}-${fullName}`;
}
