/**
 * What the applier does about a target's table that was not altered along with the monolith's: before the first row of the new shape it stops, or with
 * `ddl: follow` adds the columns that were added. A renamed column taken for an added one, an added one without the default that its older rows have, a
 * converted one whose older rows were not: each leaves rows behind that are wrong in silence, so each of them stops.
 *
 * What the target has on purpose (other names, wider types, columns of its own) is told from what it lacks by the table's history: a type that is the
 * monolith's old one is not on purpose.
 *
 * Pure.
 */
import { escapeIdentifier } from "pg";
import type { ColumnType } from "../../schemas/column-types.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { type DdlPolicy, type TableMapping, targetColumn } from "../runtime/table-mapping.ts";
import { fullName, quotedName } from "../runtime/table-pattern.ts";
import type { TableShapes } from "./table-history.ts";

/** A column of the target. */
export interface TypedColumn {
  readonly name: string;
  /** The type's name, with its schema unless that is pg_catalog. */
  readonly type: string;
  readonly modifier: number;
}

export interface Evolving {
  readonly mapping: TableMapping;
  /** Names of the key's columns at the source. */
  readonly keys: readonly string[];
  readonly policy: DdlPolicy;
  readonly shapes: TableShapes;
  readonly columns: readonly TypedColumn[];
  /** The monolith's types as SQL of the target, by column of the source; none for a type that the target does not have. */
  readonly types: ReadonlyMap<string, string>;
  /** The name of a type of the source at the target. */
  readonly renamed: (pgType: string) => string;
}

/** A column to add, quoted as SQL. */
export interface AddedColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * @returns the columns to add, in the table's order
 * @throws OfftakeError TARGET_COLUMN_MISSING, TARGET_COLUMN_OUTDATED
 */
export function evolve(evolving: Evolving): AddedColumn[] {
  const { mapping, shapes } = evolving;
  const added: AddedColumn[] = [];
  for (const [source, type] of shapes.now) {
    const name = targetColumn(mapping, source);
    if (name === undefined) continue;
    const found = evolving.columns.find((column) => column.name === name);
    if (found === undefined) added.push(...addedOrMissing(evolving, source, name, type));
    else refuseOutdated(evolving, source, found, type);
  }
  return added;
}

function addedOrMissing(evolving: Evolving, source: string, name: string, { pgType, filled }: ColumnType): AddedColumn[] {
  const { mapping, shapes, policy, keys, types } = evolving;
  // Never there at the target: that is no change of the monolith's, and the one who reads the table says so.
  if (shapes.earlier.every((columns) => columns.has(source))) return [];
  const type = types.get(source);
  const gone = goneColumns(evolving);
  if (policy === "follow" && !keys.includes(source) && gone.length === 0 && !filled && type !== undefined)
    return [{ name: escapeIdentifier(name), type }];
  const table = quotedName(mapping);
  const add = `ALTER TABLE ${table} ADD COLUMN ${escapeIdentifier(name)} ${type ?? pgType}`;
  const unknown = type === undefined ? `Create the type ${pgType} at the target. ` : "";
  const cures = [
    ...gone.map(
      (old) => `ALTER TABLE ${table} RENAME COLUMN ${escapeIdentifier(old)} TO ${escapeIdentifier(name)}; if the monolith renamed it. Else `,
    ),
    filled ? `${add} DEFAULT …; with the default that the monolith's column was added with: older rows have it there.` : `${add};`,
  ];
  throw new OfftakeError("TARGET_COLUMN_MISSING", `The target's table ${fullName(mapping)} has no column ${name}, which the monolith's now has.`, {
    cure: `${unknown}${cures.join("")} Or name it in \`columns\` or \`exclude\` of the configuration. The applier goes on by itself.`,
  });
}

/** Columns of the target that the monolith had once, and has no more: what is new may be one of them. */
function goneColumns({ mapping, shapes, columns }: Evolving): string[] {
  const taken = new Set([...shapes.now.keys()].map((source) => targetColumn(mapping, source)));
  const once = new Set(shapes.earlier.flatMap((earlier) => [...earlier.keys()]).filter((source) => !shapes.now.has(source)));
  const names = [...once].map((source) => targetColumn(mapping, source));
  return columns.map(({ name }) => name).filter((name) => names.includes(name) && !taken.has(name));
}

function refuseOutdated(evolving: Evolving, source: string, found: TypedColumn, now: ColumnType): void {
  const { mapping, shapes, types, renamed } = evolving;
  const isOf = ({ pgType, modifier }: ColumnType): boolean =>
    modifier === found.modifier && (pgType === found.type || renamed(pgType) === found.type);
  const olds = shapes.earlier.flatMap((columns) => columns.get(source) ?? []);
  if (isOf(now) || !olds.some(isOf)) return;
  const type = types.get(source) ?? now.pgType;
  throw new OfftakeError(
    "TARGET_COLUMN_OUTDATED",
    `The target's column ${found.name} of ${fullName(mapping)} still has the type that the monolith's had before it became ${type}.`,
    {
      cure: `ALTER TABLE ${quotedName(mapping)} ALTER COLUMN ${escapeIdentifier(found.name)} TYPE ${type}; with the USING of the monolith's, if it had one. The applier goes on by itself.`,
    },
  );
}
