/**
 * pg-logical-replication's decoder as the reference for ours: what each of the two says of the same bytes, in one form, so that they can be compared.
 *
 * Theirs gives an object of parsed values for each row, and looks relations up by itself. Its parsers are taken out, so that its values are the texts
 * that came. What one of the two does not say is left out of the form: ours keeps no times of commits, theirs no difference between an unchanged value
 * and one of the old row.
 */
import { type Pgoutput, PgoutputPlugin } from "pg-logical-replication";
import { parseLsn } from "../../connectors/postgres/lsn.ts";
import { Kind, Old, PgoutputDecoder, type Relation, type Tuple, Value } from "../../connectors/postgres/pgoutput.ts";
import { postgresEpochMicros } from "../../connectors/postgres/replication-messages.ts";

/** A row as names and values, by name; undefined is a value that did not come. */
export type SaidRow = readonly (readonly [name: string, value: string | null | undefined])[];

/** A message in words that both decoders can say. */
export type Said = Readonly<Record<string, unknown>> & { readonly kind: string };

const identities = { d: "default", n: "nothing", f: "full", i: "index" } as const;

export class ReferenceDecoder {
  readonly #plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [] });

  said(bytes: Buffer): Said {
    const message = this.#plugin.parse(bytes);
    switch (message.tag) {
      case "begin":
        return {
          kind: "begin",
          commitLsn: lsnOf(message.commitLsn),
          commitTime: BigInt(message.commitTime.toString()) - postgresEpochMicros,
          xid: message.xid >>> 0,
        };
      case "commit":
        return { kind: "commit", commitLsn: lsnOf(message.commitLsn), endLsn: lsnOf(message.commitEndLsn) };
      case "relation":
        // Values as they came: its own table of parsers makes numbers and dates of them.
        for (const column of message.columns) column.parser = asItCame;
        return {
          kind: "relation",
          oid: message.relationOid >>> 0,
          schema: message.schema || "pg_catalog",
          name: message.name,
          identity: message.replicaIdentity,
          columns: message.columns.map(({ name, flags, typeOid, typeMod }) => ({ name, key: flags === 1, typeOid: typeOid >>> 0, typeMod })),
        };
      case "type":
        return { kind: "type", oid: message.typeOid >>> 0, schema: message.typeSchema || "pg_catalog", name: message.typeName };
      case "insert":
        return { kind: "insert", oid: message.relation.relationOid >>> 0, row: rowOf(message.new) };
      case "update":
        return { kind: "update", oid: message.relation.relationOid >>> 0, ...oldOf(message), row: rowOf(message.new) };
      case "delete":
        return { kind: "delete", oid: message.relation.relationOid >>> 0, ...oldOf(message) };
      case "truncate":
        return { kind: "truncate", oids: message.relations.map(({ relationOid }) => relationOid >>> 0) };
      case "message":
        return {
          kind: "message",
          transactional: message.transactional,
          prefix: message.prefix,
          content: Buffer.from(message.content).toString("hex"),
        };
      case "origin":
        return { kind: "origin" };
    }
  }
}

function asItCame(text: string): string {
  return text;
}

function lsnOf(text: string | null): bigint {
  return text === null ? 0n : parseLsn(text);
}

function oldOf({ key, old }: Pick<Pgoutput.MessageUpdate, "key" | "old">): { key?: SaidRow; old?: SaidRow } {
  if (key !== null) return { key: rowOf(key) };
  return old === null ? {} : { old: rowOf(old) };
}

function rowOf(row: Readonly<Record<string, string | null | undefined>>): SaidRow {
  return sorted(Object.entries(row));
}

/** An object has names like 1 first, wherever they were. */
function sorted(row: (readonly [string, string | null | undefined])[]): SaidRow {
  return row.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** What Offtake's decoder says of the same bytes. */
export class OwnDecoder {
  readonly #decoder = new PgoutputDecoder();
  readonly #relations = new Map<number, Relation>();

  said(bytes: Buffer): Said {
    const decoder = this.#decoder;
    const kind = decoder.decode(bytes, 0, bytes.length);
    const oid = decoder.relationOid >>> 0;
    const relation = this.#relations.get(oid);
    switch (kind) {
      case Kind.begin:
        return { kind: "begin", commitLsn: decoder.commitLsn, commitTime: decoder.commitTime, xid: decoder.xid };
      case Kind.commit:
        return { kind: "commit", commitLsn: decoder.commitLsn, endLsn: decoder.endLsn };
      case Kind.relation: {
        const { schema, name, replicaIdentity, columns } = decoder.relation;
        this.#relations.set(decoder.relation.oid, decoder.relation);
        const shown = columns.map(({ typeModifier, ...column }) => ({ ...column, typeMod: typeModifier }));
        return { kind: "relation", oid: decoder.relation.oid, schema, name, identity: identities[replicaIdentity], columns: shown };
      }
      case Kind.type:
        return { kind: "type", ...decoder.type };
      case Kind.insert:
        return { kind: "insert", oid, row: named(relation!, decoder.new, bytes) };
      case Kind.update: {
        const before = this.#old(relation!, bytes);
        // Theirs puts the old row's value where the new one did not come.
        return { kind: "update", oid, ...before, row: named(relation!, decoder.new, bytes, before.old) };
      }
      case Kind.delete:
        return { kind: "delete", oid, ...this.#old(relation!, bytes) };
      case Kind.truncate:
        return { kind: "truncate", oids: decoder.truncated.map((each) => each >>> 0) };
      case Kind.message:
        return {
          kind: "message",
          transactional: decoder.transactional,
          prefix: decoder.prefix,
          content: bytes.toString("hex", decoder.contentStart, decoder.contentEnd),
        };
      default:
        return { kind: "origin" };
    }
  }

  #old(relation: Relation, bytes: Buffer): { key?: SaidRow; old?: SaidRow } {
    const { old, oldKind } = this.#decoder;
    if (oldKind === Old.none) return {};
    if (oldKind === Old.whole) return { old: named(relation, old, bytes) };
    // Of a key theirs shows the key's columns, and NULL is for it a value that did not come.
    const keys = new Set(relation.columns.flatMap(({ key, name }) => (key ? [name] : [])));
    return { key: named(relation, old, bytes).flatMap(([name, value]) => (keys.has(name) ? [[name, value ?? undefined] as const] : [])) };
  }
}

function named(relation: Relation, tuple: Tuple, bytes: Buffer, instead: SaidRow = []): SaidRow {
  return sorted(
    Array.from({ length: tuple.count }, (_, i) => {
      const { name } = relation.columns[i]!;
      if (tuple.kind[i] === Value.null) return [name, null] as const;
      if (tuple.kind[i] === Value.unchanged) return [name, instead.find(([each]) => each === name)?.[1]] as const;
      return [name, bytes.toString("utf8", tuple.start[i], tuple.end[i])] as const;
    }),
  );
}
