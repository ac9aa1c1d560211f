/**
 * Which service might own which table, read off the foreign keys. It is a suggestion that somebody reads and changes: a table in the wrong service costs a move
 * later, one that two services write costs data.
 *
 * A table whose rows are parts of another's goes where the other goes: its reference is in its key, or its rows are deleted with the other's, or it has just this one
 * reference and cannot be without. Other references lead from one service to another, as `orders` refers to `users`. What neither refers to anything nor is referred to
 * stays together, as a service of its schema.
 *
 * Pure.
 */
import type { Reference, SurveyedTable } from "../../connectors/postgres/catalog-survey.ts";
import { fullName, type TableName } from "../runtime/table-pattern.ts";

export interface SuggestedService {
  readonly name: string;
  /** In the order of their names, the one that it is named after first. */
  readonly tables: readonly SurveyedTable[];
}

/** @param database the name of a service for tables of the schema public that are on their own */
export function suggestServices(tables: readonly SurveyedTable[], database: string): SuggestedService[] {
  const byName = new Map(tables.map((table) => [fullName(table), table]));
  const referred = new Set(tables.flatMap((table) => outgoing(table).map(({ to }) => fullName(to))));
  const groups = new Map<string, SurveyedTable[]>();
  for (const table of tables) {
    const root = rootOf(table, byName);
    const alone = root === table && outgoing(table).length === 0 && !referred.has(fullName(table));
    // A table's name has a schema before its dot; that of a schema has none.
    const group = alone ? JSON.stringify([table.schema]) : fullName(root);
    groups.set(group, [...(groups.get(group) ?? []), table]);
  }
  const taken = new Set<string>();
  return [...groups].map(([group, members]) => {
    const root = byName.get(group);
    const own = members[0]!.schema === "public" ? database : members[0]!.schema;
    const name = serviceName(root === undefined ? [own] : [root.table, `${root.schema}-${root.table}`], taken);
    return { name, tables: root === undefined ? members : [root, ...members.filter((member) => member !== root)] };
  });
}

/** The name of the service that has a table; undefined where none has. */
export function ownerIn(services: readonly SuggestedService[]): (table: TableName) => string | undefined {
  const owners = new Map(services.flatMap(({ name, tables }) => tables.map((table) => [fullName(table), name] as const)));
  return (table) => owners.get(fullName(table));
}

/** Where the table's rows belong in the end. */
function rootOf(table: SurveyedTable, byName: ReadonlyMap<string, SurveyedTable>): SurveyedTable {
  const path: SurveyedTable[] = [];
  for (let at: SurveyedTable | undefined = table; at !== undefined;) {
    const ring = path.indexOf(at);
    // In a ring all belong to one, whoever of them was asked for.
    if (ring !== -1) return path.slice(ring).toSorted((a, b) => (fullName(a) < fullName(b) ? -1 : 1))[0]!;
    path.push(at);
    const owner = ownerOf(at);
    at = owner === undefined ? undefined : byName.get(fullName(owner));
  }
  return path.at(-1)!;
}

function ownerOf(table: SurveyedTable): TableName | undefined {
  const references = outgoing(table);
  const only = references.length === 1 ? references : [];
  const owner = references.find(({ inKey }) => inKey) ?? references.find(({ cascades }) => cascades) ?? only.find(({ required }) => required);
  return owner?.to;
}

function outgoing(table: SurveyedTable): readonly Reference[] {
  return table.references.filter(({ to }) => fullName(to) !== fullName(table));
}

/** The first that nobody has, as Kafka and a slot take it. */
function serviceName(wishes: readonly string[], taken: Set<string>): string {
  const names = wishes.map((wish) =>
    wish
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, longest),
  );
  const last = names.at(-1)!;
  const numbered = Array.from({ length: taken.size + 1 }, (_, i) => `${last === "" ? "service" : last}-${i + 2}`);
  const name = [...names, ...numbered].find((each) => each !== "" && !taken.has(each))!;
  taken.add(name);
  return name;
}

/** With `offtake_` before it a slot has 63 characters at most. */
const longest = 50;
