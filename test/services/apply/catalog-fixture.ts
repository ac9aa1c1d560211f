/**
 * Catalogs made by hand, for decisions that no server at hand would ask for.
 */
import type {
  Catalog,
  CatalogColumn,
  CatalogConstraint,
  CatalogIndex,
  CatalogTable,
  CatalogType,
  Needs,
  TypeName,
} from "../../../connectors/postgres/catalog-model.ts";
import type { TargetContents } from "../../../services/apply/create-existing.ts";

let nextOid = 20_000;
const oid = (): number => {
  nextOid += 1;
  return nextOid;
};

export const noNeeds: Needs = { extensions: [], types: [], collations: [], sequences: [] };

const integer: TypeName = {
  oid: 23,
  typmod: -1,
  text: "integer",
  bareText: "integer",
  schema: "pg_catalog",
  name: "int4",
  array: false,
  modifier: "",
  definition: 23,
  extension: null,
};

export function column(name: string, parts: Partial<CatalogColumn> = {}): CatalogColumn {
  const type = parts.type ?? integer;
  const none = { notNull: false, default: null, generated: null, identity: null, collation: null, comment: null };
  return { name, number: 1, base: type, ...none, ...parts, type };
}

export function table(name: string, parts: Partial<CatalogTable> = {}): CatalogTable {
  return {
    oid: oid(),
    schema: "public",
    name,
    kind: "ordinary",
    persistence: "permanent",
    columns: [column("id")],
    primaryKey: [],
    replicaIdentity: { kind: "default", columns: [] },
    constraints: [],
    indexes: [],
    partitionBy: null,
    partitionOf: null,
    inherits: [],
    referencedBy: [],
    others: [],
    rowSecurity: false,
    comment: null,
    estimatedRows: null,
    ...parts,
  };
}

export function constraint(
  kind: CatalogConstraint["kind"],
  name: string,
  definition: string,
  parts: Partial<CatalogConstraint> = {},
): CatalogConstraint {
  return {
    oid: oid(),
    name,
    kind,
    definition,
    columns: ["id"],
    deferrable: false,
    initiallyDeferred: false,
    validated: true,
    enforced: true,
    noInherit: false,
    inherited: false,
    index: null,
    references: null,
    needs: noNeeds,
    comment: null,
    ...parts,
  };
}

export function index(name: string, definition: string, parts: Partial<CatalogIndex> = {}): CatalogIndex {
  return {
    oid: oid(),
    name,
    method: "btree",
    definition,
    columns: [],
    included: [],
    unique: false,
    immediate: true,
    partial: false,
    nullsNotDistinct: false,
    valid: true,
    replicaIdentity: false,
    constraint: null,
    inherited: false,
    needs: noNeeds,
    comment: null,
    ...parts,
  };
}

export function enumType(name: string, ...labels: string[]): CatalogType {
  return { oid: oid(), schema: "public", name, requires: [], needs: noNeeds, comment: null, kind: "enum", labels };
}

/** The type of a column that has this one. */
export function typeName({ oid: definition, schema, name }: CatalogType, array = false): TypeName {
  const text = array ? `${name}[]` : name;
  return { oid: definition, typmod: -1, text, bareText: text, schema, name, array, modifier: "", definition, extension: null };
}

export function catalogOf(tables: CatalogTable[], parts: Partial<Catalog> = {}): Catalog {
  return { version: 180_004, tables, types: [], collations: [], sequences: [], ...parts };
}

export function emptyTarget(parts: Partial<TargetContents> = {}): TargetContents {
  return {
    version: 180_004,
    schemas: new Set(["public"]),
    relations: new Set(),
    types: new Set(),
    collations: new Set(),
    extensions: new Map(),
    ...parts,
  };
}
