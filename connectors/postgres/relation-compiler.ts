/**
 * Turns a relation message into the encoder of its rows: which columns are the key, which Avro types carry them, under which schemas of the
 * registry. Done once per relation and shape, off the hot path; the stream waits, because the next message may be a row of it.
 *
 * Source: PostgreSQL documentation, "ALTER TABLE", REPLICA IDENTITY.
 */
import type { ClientBase } from "pg";
import { subjectOf, tableNamespace } from "../../schemas/avro-names.ts";
import { envelopeSchema, type EnvelopeColumn, type EnvelopeNames, keySchema } from "../../schemas/envelope.ts";
import { avroColumnType } from "../../schemas/postgres-types.ts";
import type { OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import type { Registry } from "../kafka/registry.ts";
import { EventEncoder } from "./event-encoder.ts";
import { keyChanged } from "./event-key.ts";
import type { NamedType, Relation } from "./pgoutput.ts";
import { sessionError } from "./session.ts";
import { TransactionEnd } from "./transaction-end.ts";

// REPLICA IDENTITY FULL marks every column of the message as key, so the primary key has to be asked for. A deferrable one is none: between two of its
// checks two rows may have the same key, and `UPDATE t SET id = 3 - id` lost one of them. Columns that its
// index only includes are none of it.
const primaryKeySql = `
  SELECT a.attname AS name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts
   WHERE i.indrelid = $1 AND i.indisprimary AND i.indimmediate`;

// The table, and what is below a partitioned one. Not pg_partition_tree, and for the same reason not pg_publication_tables below: they lock what they look at,
// so that a table that somebody alters for an hour would hold up the stream of all others.
const treeSql = `
  WITH RECURSIVE tree (oid) AS (
    SELECT $1::oid
    UNION
    SELECT i.inhrelid
      FROM tree
      JOIN pg_catalog.pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
  )
  SELECT oid FROM tree`;

// Columns that hold null in every row that is older than they are. A default leaves something in all of them without a row event, and so does that of a type;
// a column of the stream that the catalog has no more may have done so.
const emptySql = `
  SELECT a.attname AS name
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute m
                      WHERE m.attname = a.attname AND m.atthasmissing AND m.attrelid IN (${treeSql}))`;

// The stream describes a partition also where its rows come under another name.
const underRootSql = `
  SELECT c.relispartition AND EXISTS (
           SELECT FROM pg_catalog.pg_publication u
             JOIN pg_catalog.pg_partition_ancestors(c.oid) AS above ON above.relid <> c.oid
             JOIN pg_catalog.pg_class root ON root.oid = above.relid
            WHERE u.pubname = $2 AND u.pubviaroot
              AND (u.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = u.oid AND r.prrelid = root.oid)
                   OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = u.oid AND s.pnnspid = root.relnamespace))) AS under_root
    FROM pg_catalog.pg_class c
   WHERE c.oid = $1`;

export class RelationCompiler {
  readonly #topicPrefix: string;
  readonly #topic: string;
  readonly #publication: string;
  readonly #registry: Registry;
  readonly #source: ClientBase;
  readonly #sourceUrl: Secret;
  readonly #end: TransactionEnd;
  readonly #types = new Map<number, NamedType>();

  /** @param source a session at sourceUrl, for what the stream does not say */
  constructor(topicPrefix: string, topic: string, publication: string, registry: Registry, source: ClientBase, sourceUrl: Secret) {
    this.#topicPrefix = topicPrefix;
    this.#topic = topic;
    this.#publication = publication;
    this.#registry = registry;
    this.#source = source;
    this.#sourceUrl = sourceUrl;
    this.#end = new TransactionEnd(source);
  }

  /** Why the stream stands still while a table is looked up, as TransactionEnd has it. */
  get waitsFor(): OfftakeError | undefined {
    return this.#end.waitsFor;
  }

  /** A type that is not built in; its message comes before the relation's. */
  learn(type: NamedType): void {
    this.#types.set(type.oid, type);
  }

  /**
   * @param xid the transaction that the relation message came in
   * @returns whether it is a partition of which the rows come under its root's name
   * @throws OfftakeError SOURCE_UNREACHABLE
   */
  async comesUnderRoot(relation: Relation, xid: number): Promise<boolean> {
    try {
      await this.#end.of(xid, relation);
      const { rows } = await this.#source.query<{ under_root: boolean }>(underRootSql, [relation.oid, this.#publication]);
      return rows[0]?.under_root === true;
    } catch (error) {
      throw sessionError(error, "source", this.#sourceUrl);
    }
  }

  /**
   * @param xid the transaction that the relation message came in
   * @throws OfftakeError TABLE_KEY_CHANGED, SCHEMA_REFUSED, REGISTRY_UNREACHABLE, REGISTRY_REFUSED, SOURCE_UNREACHABLE
   */
  async compile(relation: Relation, xid: number): Promise<EventEncoder> {
    const { schema, name: table } = relation;
    const { keys, empty } = await this.#catalog(relation, xid).catch((error: unknown) => {
      throw sessionError(error, "source", this.#sourceUrl);
    });
    const missing = [...keys].filter((key) => !relation.columns.some(({ name }) => name === key));
    // Half a key would take rows for one another.
    if (missing.length > 0) throw keyChanged(schema, table, `the stream's rows have no column ${missing.join(", ")}, which the primary key now has`);
    const columns: EnvelopeColumn[] = relation.columns.map(({ name, typeOid, typeModifier }) => {
      const named = this.#types.get(typeOid);
      const type = avroColumnType(typeOid, named && `${named.schema}.${named.name}`);
      const key = keys.has(name);
      const more = { ...(typeModifier === -1 ? {} : { pgModifier: typeModifier }), ...(key || empty.has(name) ? {} : { pgFilled: true }) };
      return { name, key, type: { ...type, schema: { ...type.schema, ...more } } };
    });
    const names: EnvelopeNames = { topicPrefix: this.#topicPrefix, schema, table };
    const namespace = tableNamespace(this.#topicPrefix, schema, table);
    const hasKey = columns.some((column) => column.key);
    const [keyId, valueId] = await Promise.all([
      hasKey ? this.#registry.register(subjectOf(this.#topic, `${namespace}.Key`), keySchema(names, columns)) : undefined,
      this.#registry.register(subjectOf(this.#topic, `${namespace}.Envelope`), envelopeSchema(names, columns)),
    ]);
    return new EventEncoder({ schema, table, columns, keyId, valueId, keyFromCatalog: isKeyOfCatalog(relation) });
  }

  /** Names of the key's columns, and of those that hold null in rows that are older. */
  async #catalog(relation: Relation, xid: number): Promise<{ keys: ReadonlySet<string>; empty: ReadonlySet<string> }> {
    await this.#end.of(xid, relation);
    const names = async (sql: string): Promise<Set<string>> => {
      const { rows } = await this.#source.query<{ name: string }>(sql, [relation.oid]);
      return new Set(rows.map((row) => row.name));
    };
    const inStream = new Set(relation.columns.filter((column) => column.key).map((column) => column.name));
    return { keys: isKeyOfCatalog(relation) ? await names(primaryKeySql) : inStream, empty: await names(emptySql) };
  }
}

/** Whether the key is not in the stream, but the one that the catalog has today. */
function isKeyOfCatalog(relation: Relation): boolean {
  return relation.replicaIdentity === "f";
}

/** Whether the rows of both can go through one encoder. A key of the catalog may have changed although the message is the same. */
export function sameRelation(a: Relation, b: Relation): boolean {
  return (
    !isKeyOfCatalog(b) &&
    a.schema === b.schema &&
    a.name === b.name &&
    a.replicaIdentity === b.replicaIdentity &&
    a.columns.length === b.columns.length &&
    a.columns.every((column, i) => {
      const other = b.columns[i]!;
      return column.name === other.name && column.key === other.key && column.typeOid === other.typeOid && column.typeModifier === other.typeModifier;
    })
  );
}
