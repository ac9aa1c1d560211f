/**
 * DDL for types and collations.
 *
 * Values are compared as text, and a text means another value in another type: labels in another order sort differently, a domain without its
 * CHECK takes what the monolith refuses. So a type is created as it is or not at all.
 *
 * Pure.
 *
 * Source: PostgreSQL documentation, CREATE TYPE, CREATE DOMAIN, ALTER DOMAIN, CREATE COLLATION.
 */
import type { CatalogCollation, CatalogType } from "../../connectors/postgres/catalog-model.ts";
import { literal, quoted, type TargetNames } from "./create-names.ts";
import { withComments, type LeftOut, type Statement } from "./create-statement.ts";

export interface CreatedType {
  statements: Statement[];
  leftOut: LeftOut[];
}

/** Row types come with their table. A range's canonical function has to be written in C between two definitions of the type. */
export type CreatableType = Extract<CatalogType, { kind: "enum" | "domain" | "composite" | "range" }>;

export function isCreatable(type: CatalogType): type is CreatableType {
  return type.kind !== "row" && type.kind !== "other" && !(type.kind === "range" && type.canonical);
}

/** @param restsOnDomain whether a domain's base is a domain, whose default it would take over */
export function createType(type: CreatableType, names: TargetNames, restsOnDomain: boolean): CreatedType {
  if (type.kind === "domain") return createDomain(type, names, restsOnDomain);
  const name = names.sql(type);
  const comments: [string, string | null][] = [[`TYPE ${name}`, type.comment]];
  if (type.kind === "composite")
    for (const attribute of type.attributes) comments.push([`COLUMN ${name}.${quoted(attribute.name)}`, attribute.comment]);
  const sql = withComments(`CREATE TYPE ${name} AS ${typeBody(type, names)}`, comments);
  const leftOut =
    type.kind === "range" && type.difference?.custom === true
      ? [
          {
            what: `SUBTYPE_DIFF of type ${names.text(type)}`,
            why: `the function ${type.difference.schema}.${type.difference.name} is the monolith's own; only the speed of GiST indexes depends on it`,
          },
        ]
      : [];
  return { statements: [{ sql, what: `type ${names.text(type)}`, optional: false }], leftOut };
}

function typeBody(type: Exclude<CreatableType, { kind: "domain" }>, names: TargetNames): string {
  if (type.kind === "enum") return `ENUM (${type.labels.map((label) => literal(label)).join(", ")})`;
  if (type.kind === "composite")
    return `(${type.attributes.map(({ name, type: of, collation }) => `${quoted(name)} ${names.type(of)}${names.collate(collation)}`).join(", ")})`;
  const { subtype, operatorClass, collation, difference, multirange } = type;
  const parts = [`SUBTYPE = ${names.type(subtype)}`];
  if (operatorClass !== null && !operatorClass.default) parts.push(`SUBTYPE_OPCLASS = ${names.member(operatorClass)}`);
  if (collation !== null) parts.push(`COLLATION = ${names.member(collation)}`);
  if (difference !== null && !difference.custom) parts.push(`SUBTYPE_DIFF = ${quoted(names.schema(difference.schema), difference.name)}`);
  parts.push(`MULTIRANGE_TYPE_NAME = ${names.sql(multirange)}`);
  return `RANGE (${parts.join(", ")})`;
}

function createDomain(domain: Extract<CatalogType, { kind: "domain" }>, names: TargetNames, restsOnDomain: boolean): CreatedType {
  const name = names.sql(domain);
  const text = names.text(domain);
  const base = `${names.type(domain.base)}${names.collate(domain.collation)}${domain.notNull ? " NOT NULL" : ""}`;
  const create = withComments(`CREATE DOMAIN ${name} AS ${base}`, [[`DOMAIN ${name}`, domain.comment]]);
  const statements: Statement[] = [{ sql: create, what: `domain ${text}`, optional: false }];
  const leftOut: LeftOut[] = [];
  if (domain.default !== null)
    statements.push({ sql: `ALTER DOMAIN ${name} SET DEFAULT ${domain.default}`, what: `default of domain ${text}`, optional: true });
  // CREATE DOMAIN copies its base's default, which the monolith's may have dropped since.
  else if (restsOnDomain) statements.push({ sql: `ALTER DOMAIN ${name} DROP DEFAULT`, what: `default of domain ${text}`, optional: false });
  for (const constraint of domain.constraints) {
    const what = `constraint ${constraint.name} of domain ${text}`;
    if (!constraint.validated) {
      leftOut.push({ what, why: notValid });
      continue;
    }
    const sql = `ALTER DOMAIN ${name} ADD CONSTRAINT ${quoted(constraint.name)} ${constraint.definition}`;
    const comment: [string, string | null] = [`CONSTRAINT ${quoted(constraint.name)} ON DOMAIN ${name}`, constraint.comment];
    statements.push({ sql: withComments(sql, [comment]), what, optional: true });
  }
  return { statements, leftOut };
}

/** Why a constraint that was added NOT VALID is not created. */
export const notValid = "it is NOT VALID at the source: rows that violate it may be there, and could not be copied";

export function createCollation(collation: CatalogCollation, names: TargetNames): Statement {
  const { provider, deterministic, collate, ctype, locale, rules } = collation;
  const options = [`PROVIDER = ${provider}`];
  if (locale !== null) options.push(`LOCALE = ${literal(locale)}`);
  if (collate !== null && provider === "libc") options.push(`LC_COLLATE = ${literal(collate)}`);
  if (ctype !== null && provider === "libc") options.push(`LC_CTYPE = ${literal(ctype)}`);
  if (!deterministic) options.push("DETERMINISTIC = false");
  if (rules !== null) options.push(`RULES = ${literal(rules)}`);
  const name = names.sql(collation);
  const sql = withComments(`CREATE COLLATION ${name} (${options.join(", ")})`, [[`COLLATION ${name}`, collation.comment]]);
  return { sql, what: `collation ${names.text(collation)}`, optional: false };
}
