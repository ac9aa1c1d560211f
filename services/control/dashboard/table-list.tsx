/** Tables of a service: what is in them, what was proven of them, what is put aside, and the copy. Selecting some makes the actions of the view theirs. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { TableRow } from "./api-answers.ts";
import { isOnItsWay } from "./copy-on-its-way.ts";
import { copyText } from "./copy-text.ts";
import { countText } from "./measures.ts";
import { Age } from "./moment.tsx";
import { usePolled } from "./polled.ts";
import type { Trouble } from "./shown-status.ts";
import { tablesWorstFirst } from "./table-order.ts";
import { TroubleNote } from "./trouble-note.tsx";
import { wrongRowsText } from "./wrong-rows-text.ts";

/** Milliseconds between two looks. */
const tablesMs = 5000;

interface Listed {
  readonly name: string;
  readonly selected: Signal<readonly string[]>;
}

export function TableList({ name, selected }: Listed): JSX.Element {
  const { answer, trouble } = usePolled<{ readonly tables: readonly TableRow[]; readonly errors: readonly Trouble[] }>(
    `services/${encodeURIComponent(name)}/tables`,
    tablesMs,
  );
  const toggle = (table: string): void => {
    const { value } = selected;
    selected.value = value.includes(table) ? value.filter((each) => each !== table) : [...value, table].toSorted();
  };
  return (
    <section aria-labelledby="tables">
      <h2 id="tables">Tables</h2>
      {answer.value?.errors.map((each) => (
        <TroubleNote key={each.code + each.message} trouble={each} />
      ))}
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="Tables" />}
      {answer.value === undefined ? (
        <p>Waiting for the tables.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Table</th>
              <th scope="col">Rows, about</th>
              <th scope="col">Last pass</th>
              <th scope="col">Last clean pass</th>
              <th scope="col">Mismatches</th>
              <th scope="col">Dead letters</th>
              <th scope="col">Copy</th>
            </tr>
          </thead>
          <tbody>
            {tablesWorstFirst(answer.value.tables).map((row) => (
              <Row key={row.table} row={row} isSelected={selected.value.includes(row.table)} toggle={toggle} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface Shown {
  readonly row: TableRow;
  readonly isSelected: boolean;
  readonly toggle: (table: string) => void;
}

function Row({ row, isSelected, toggle }: Shown): JSX.Element {
  const { table, rows, pass, deadLetters, parkedKeys, copy, needsCopy, alerts } = row;
  const wrong = wrongRowsText(row);
  return (
    <tr>
      <th scope="row">
        <label>
          <input type="checkbox" checked={isSelected} onChange={() => toggle(table)} /> {table}
        </label>
        {alerts.map(({ kind, detail }) => (
          <p key={kind} class="reason">
            {detail}
          </p>
        ))}
      </th>
      <td class="number">{countText(rows)}</td>
      <td>
        {pass === null ? (
          "never"
        ) : (
          <>
            {pass.verdict}, <Age iso={pass.finishedAt} />
          </>
        )}
      </td>
      <td>
        <Age iso={pass?.lastCleanAt ?? null} />
      </td>
      <td class={wrong.isBad ? "bad" : ""}>{wrong.text}</td>
      <td class={(deadLetters ?? 0) > 0 ? "bad" : ""}>
        {countText(deadLetters)}
        {(parkedKeys ?? 0) > 0 ? `, ${countText(parkedKeys)} parked` : ""}
      </td>
      {copy !== null && isOnItsWay(copy, needsCopy) ? (
        <td>copied into the topic, on its way to the target</td>
      ) : (
        <td>
          {copy === null ? (needsCopy === null ? "none" : "") : copyText(copy)}
          {needsCopy !== null && <span class="bad"> not copied: {needsCopy}</span>}
        </td>
      )}
    </tr>
  );
}
