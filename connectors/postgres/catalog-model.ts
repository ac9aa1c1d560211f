/**
 * What PostgreSQL's catalogs say about tables, as plain data.
 *
 * Both sides are read into this shape: the monolith to create a service's tables from it, the target to compare. What is missing here cannot be
 * created, checked or missed by anybody, so it is complete rather than convenient. Names are as they are stored, without quotes. Texts of
 * expressions and definitions are the server's own and are right only under the search_path of catalog-session.ts.
 */
import type { TableName } from "../../services/runtime/table-pattern.ts";

export interface QualifiedName {
  schema: string;
  name: string;
}

/** The type of a column, an attribute or a domain, with its modifier. */
export interface TypeName {
  oid: number;
  /** atttypmod or typtypmod; -1 without modifier. */
  typmod: number;
  /** As format_type prints it: `character varying(20)`, `numeric(10,2)[]`, `mood`. */
  text: string;
  /** The same without modifier: `character varying`, `numeric[]`. */
  bareText: string;
  /** Schema and name of the type; of the element where it is an array. */
  schema: string;
  name: string;
  array: boolean;
  /** The modifier as printed, `(Point,4326)`, or empty. Only for types outside pg_catalog: some built-in ones have it in the middle. */
  modifier: string;
  /** OID of what has to be created for it: the element of an array, the range of a multirange. */
  definition: number;
  /** The extension that brings it. */
  extension: string | null;
}

/** What an expression, constraint or index needs in its database, besides its own table and what every PostgreSQL has. */
export interface Needs {
  extensions: string[];
  types: number[];
  collations: number[];
  sequences: number[];
}

export interface Expression {
  text: string;
  needs: Needs;
}

export interface CollationName extends QualifiedName {
  oid: number;
  extension: string | null;
}

export interface CatalogColumn {
  name: string;
  /** attnum: has gaps where columns were dropped. */
  number: number;
  type: TypeName;
  /** What a domain rests on in the end; the type itself for all others. */
  base: TypeName;
  notNull: boolean;
  default: Expression | null;
  generated: { kind: "stored" | "virtual"; expression: Expression } | null;
  /** `sequence`: its OID, null for a partition's column, which counts with its root's. */
  identity: { kind: "always" | "by default"; sequence: number | null } | null;
  /** Null where it is the type's own. */
  collation: CollationName | null;
  comment: string | null;
}

export type ConstraintKind = "primary key" | "unique" | "check" | "exclusion" | "foreign key" | "not null";

export interface CatalogConstraint {
  oid: number;
  name: string;
  kind: ConstraintKind;
  /** As pg_get_constraintdef prints it, without the name. */
  definition: string;
  columns: string[];
  deferrable: boolean;
  initiallyDeferred: boolean;
  /** False: rows that were there before it may violate it. */
  validated: boolean;
  /** False (PostgreSQL 18): it is never checked. */
  enforced: boolean;
  noInherit: boolean;
  /** It comes from a parent: by inheritance, or because the table is a partition. */
  inherited: boolean;
  /** The index that upholds it; for a foreign key the referenced one. */
  index: number | null;
  references: (TableName & { columns: string[]; onUpdate: ForeignKeyAction; onDelete: ForeignKeyAction }) | null;
  needs: Needs;
  comment: string | null;
}

export type ForeignKeyAction = "no action" | "restrict" | "cascade" | "set null" | "set default";

export interface CatalogIndex {
  oid: number;
  name: string;
  method: string;
  /** pg_get_indexdef from USING on: method, columns, opclasses, collations, INCLUDE, NULLS NOT DISTINCT, WITH, WHERE. */
  definition: string;
  /** Key columns in order; null for an expression. */
  columns: (string | null)[];
  included: string[];
  unique: boolean;
  /** False for the index of a deferrable constraint, which cannot be a replica identity. */
  immediate: boolean;
  partial: boolean;
  nullsNotDistinct: boolean;
  /** False: half built (a failed CREATE INDEX CONCURRENTLY), or not on all partitions. */
  valid: boolean;
  replicaIdentity: boolean;
  /** The constraint that owns it. */
  constraint: string | null;
  /** It is the part of a partitioned table's index. */
  inherited: boolean;
  needs: Needs;
  comment: string | null;
}

/** Parameters are decimal text: they reach 2^63. */
export interface CatalogSequence extends QualifiedName {
  oid: number;
  type: string;
  start: string;
  increment: string;
  minimum: string;
  maximum: string;
  cache: string;
  cycle: boolean;
  /** `serial` (OWNED BY) or `identity`; null for a free one. */
  owner: (TableName & { column: string; kind: "serial" | "identity" }) | null;
  /** Every column whose default draws from it, of all tables of the database. */
  usedBy: (TableName & { column: string })[];
  comment: string | null;
}

export interface CatalogTable extends QualifiedName {
  oid: number;
  /** A partition that is itself partitioned is `partitioned` and has `partitionOf`. */
  kind: "ordinary" | "partitioned" | "partition";
  persistence: "permanent" | "unlogged" | "temporary";
  columns: CatalogColumn[];
  primaryKey: string[];
  /** What UPDATE and DELETE tell the WAL. `columns`: of the key or index, all for `full`; none where updates of a published table would fail. */
  replicaIdentity: { kind: "default" | "index" | "full" | "nothing"; columns: string[] };
  constraints: CatalogConstraint[];
  indexes: CatalogIndex[];
  /** PARTITION BY: `RANGE (created_at)`. */
  partitionBy: Expression | null;
  /** `bound`: `FOR VALUES FROM (…) TO (…)` or `DEFAULT`. */
  partitionOf: (TableName & { bound: string }) | null;
  /** Parents by INHERITS, in order. */
  inherits: TableName[];
  /** Foreign keys that other tables have to this one (those of the table itself not). */
  referencedBy: (TableName & { constraint: string })[];
  /** What the table has besides, by kind and name. */
  others: { kind: "trigger" | "rule" | "policy" | "statistics"; name: string }[];
  rowSecurity: boolean;
  comment: string | null;
  /** reltuples: what the last VACUUM or ANALYZE believed. Null when never. */
  estimatedRows: number | null;
}

interface TypeIdentity extends QualifiedName {
  oid: number;
  /** OIDs of the types that must be there before it. */
  requires: number[];
  needs: Needs;
  comment: string | null;
}

interface DomainConstraint {
  name: string;
  definition: string;
  validated: boolean;
  needs: Needs;
  comment: string | null;
}

export type CatalogType = TypeIdentity &
  (
    | { kind: "enum"; labels: string[] }
    | { kind: "domain"; base: TypeName; notNull: boolean; default: string | null; collation: CollationName | null; constraints: DomainConstraint[] }
    | { kind: "composite"; attributes: { name: string; type: TypeName; collation: CollationName | null; comment: string | null }[] }
    | ({ kind: "range"; subtype: TypeName; collation: CollationName | null } & RangeParts)
    /** The row type of a table or view: it comes with that. */
    | { kind: "row"; of: TableName }
    /** Written in C and not of any extension, or a shell: cannot be created from the catalogs. */
    | { kind: "other" }
  );

export interface RangeParts {
  multirange: QualifiedName;
  operatorClass: (QualifiedName & { default: boolean; extension: string | null }) | null;
  /** Whether it has a function that brings values into one form. */
  canonical: boolean;
  /** `custom`: a function of the database's own, neither built in nor of an extension. */
  difference: (QualifiedName & { custom: boolean }) | null;
}

export interface CatalogCollation extends QualifiedName {
  oid: number;
  provider: "icu" | "libc" | "builtin" | "default";
  deterministic: boolean;
  /** Of a libc collation. */
  collate: string | null;
  ctype: string | null;
  /** Of an ICU or builtin collation. */
  locale: string | null;
  rules: string | null;
  comment: string | null;
}

export interface Catalog {
  /** server_version_num: 180004. */
  version: number;
  tables: CatalogTable[];
  /** Types that the tables need, all but built-in ones and those of extensions. */
  types: CatalogType[];
  collations: CatalogCollation[];
  /** Sequences that the tables own or draw from. */
  sequences: CatalogSequence[];
}
