/** Rows of one table that are wrong, and what can be done about them. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { type ActionScene, reconcileAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Job, Mismatch } from "./api-answers.ts";
import type { TableMismatches } from "./mismatch-tables.ts";
import { Age } from "./moment.tsx";
import { usePage } from "./page.ts";
import { RepairPanel } from "./repair-panel.tsx";
import { rowKeyText } from "./row-key-text.ts";
import { ColumnDifferences } from "./wrong-rows-table.tsx";

interface Shown {
  readonly found: TableMismatches;
  /** Newest first; undefined while they are not known. */
  readonly jobs: readonly Job[] | undefined;
  readonly onDone: () => void;
}

export function MismatchTable({ found: { service: name, table, mismatches }, jobs, onDone }: Shown): JSX.Element | null {
  const { board, holder } = usePage();
  const id = useId();
  const service = board.service(name)?.value;
  if (service === undefined) return null;
  const scene: ActionScene = { holder: holder.value, service, jobs: jobs?.filter((job) => job.service === name) };
  const pass = service.reconciliations.find((each) => each.table === table);
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        {name}: {table}
      </h2>
      <p>
        {kindsText(mismatches)}. Last clean pass: <Age iso={pass?.lastCleanAt ?? null} />.
      </p>
      <ActionButton action={{ ...reconcileAction(scene, [table], "detailed"), label: "Check again" }} onDone={onDone} />
      <RepairPanel scene={scene} tables={[table]} onRepaired={onDone} />
      <table>
        <caption class="visually-hidden">Rows of {table} that are wrong</caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Key</th>
            <th scope="col">Columns</th>
            <th scope="col">Positions</th>
            <th scope="col">Found</th>
          </tr>
        </thead>
        <tbody>
          {mismatches.map(({ kind, key, detail, foundAt }) => (
            <tr key={`${kind} ${rowKeyText(key)}`}>
              <td>{kind}</td>
              <th scope="row">
                <code>{rowKeyText(key)}</code>
              </th>
              <td>
                <ColumnDifferences kind={kind} columns={detail.columns ?? []} />
              </td>
              <td>
                <Positions detail={detail} />
              </td>
              <td>
                <Age iso={foundAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Positions({ detail: { sourcePosition, targetPosition } }: Pick<Mismatch, "detail">): JSX.Element {
  if (sourcePosition === undefined) return <></>;
  return (
    <>
      source since <code>{sourcePosition}</code>, target at <code>{targetPosition}</code>
    </>
  );
}

function kindsText(mismatches: readonly Mismatch[]): string {
  return (["differing", "missing", "extra"] as const).map((kind) => `${mismatches.filter((each) => each.kind === kind).length} ${kind}`).join(", ");
}
