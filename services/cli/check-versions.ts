/**
 * What `offtake check` says of a target that is older than the source: values that the one prints and the other cannot read. They stop the applier long
 * after everything was found to be in order, with the first row that has one.
 *
 * Source: PostgreSQL release notes, 17, "Data Types".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { type Finding, warning } from "./finding.ts";
import { quotedName } from "../runtime/table-pattern.ts";
import type { TableShape } from "./table-shape.ts";

/** The first version whose intervals can be infinite. */
const infiniteIntervals = 17;

const intervals: ReadonlySet<string> = new Set(["interval", "_interval"]);

/** @returns the major version of the server: 18 */
export async function majorVersion(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");
  return Math.floor(rows[0]!.version / 10_000);
}

/** Pure. @param shapes of the service's tables at the source */
export function versionFindings(where: string, source: number, target: number, shapes: readonly TableShape[]): Finding[] {
  if (source < infiniteIntervals || target >= infiniteIntervals) return [];
  return shapes.flatMap(({ schema, table, columns }) =>
    columns.flatMap(({ name, typeName, generated }) => {
      if (generated || !intervals.has(typeName)) return [];
      const check = typeName === "interval" ? `isfinite(${escapeIdentifier(name)})` : `array_to_string(${escapeIdentifier(name)}, ' ') !~ 'infinity'`;
      return [
        warning(
          where,
          `the column ${name} of ${schema}.${table} may hold 'infinity', an interval that PostgreSQL ${target} does not know: it would stop the applier`,
          `Upgrade the target to PostgreSQL ${infiniteIntervals} or later, or at the source: ALTER TABLE ${quotedName({ schema, table })} ADD CHECK (${check});`,
        ),
      ];
    }),
  );
}
