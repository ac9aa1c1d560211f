/** Rows that are wrong at the target: of a differing one each column, as it is at the source and at the target. */
import type { JSX } from "preact";
import type { ColumnDifference, RowKey, WrongRows } from "./api-answers.ts";
import { rowKeyText, valueText } from "./row-key-text.ts";

/** Rows that a person reads. */
const shown = 100;

interface WrongRow {
  readonly kind: string;
  readonly key: RowKey;
  readonly columns: readonly ColumnDifference[];
}

export function WrongRowsTable({ table, wrong }: { readonly table: string; readonly wrong: WrongRows }): JSX.Element | null {
  const rows: readonly WrongRow[] = [
    ...wrong.differing.map(({ key, columns }) => ({ kind: "differing", key, columns })),
    ...wrong.missing.map(({ key }) => ({ kind: "missing", key, columns: [] })),
    ...wrong.extra.map(({ key }) => ({ kind: "extra", key, columns: [] })),
  ];
  if (rows.length === 0) return null;
  return (
    <table>
      <caption>
        {table}: {rows.length > shown ? `the first ${shown} of ${rows.length} rows` : "rows"} that would be{" "}
        {wrong.extra.length === 0 ? "published again" : "published again, or deleted at the target"}
      </caption>
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">Key</th>
          <th scope="col">Columns</th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, shown).map(({ kind, key, columns }) => (
          <tr key={`${kind} ${rowKeyText(key)}`}>
            <td>{kind}</td>
            <td>
              <code>{rowKeyText(key)}</code>
            </td>
            <td>
              <ColumnDifferences kind={kind} columns={columns} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ColumnDifferences({ kind, columns }: Pick<WrongRow, "kind" | "columns">): JSX.Element {
  if (kind === "missing") return <>in the monolith, not at the target</>;
  if (kind === "extra") return <>at the target, not in the monolith: a repair deletes it</>;
  return (
    <dl class="columns">
      {columns.map(({ name, source, target }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            source <code>{valueText(source)}</code>, target <code>{valueText(target)}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}
