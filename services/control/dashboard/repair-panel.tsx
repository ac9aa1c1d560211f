/** A repair in two steps: what it would publish again or delete, and, once somebody has looked at that, the repair. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { type ActionScene, previewAction, repairAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Job } from "./api-answers.ts";
import { firstJob } from "./first-job.ts";
import { JobWatch } from "./job-watch.tsx";
import { repairedRows, repairsOf } from "./job-texts.ts";
import { WrongRowsTable } from "./wrong-rows-table.tsx";

interface Repaired {
  readonly scene: ActionScene;
  /** schema.table; empty for all. */
  readonly tables: readonly string[];
  /** Told when rows were published again. */
  readonly onRepaired?: () => void;
}

export function RepairPanel({ scene, tables, onRepaired }: Repaired): JSX.Element {
  const preview = useSignal<string | undefined>(undefined);
  const looked = useSignal<Job | undefined>(undefined);
  const repair = useSignal<string | undefined>(undefined);
  const repaired = useSignal(false);
  const found = looked.value === undefined ? undefined : repairsOf(looked.value.result);
  const rows = found === undefined ? undefined : repairedRows(found.map((each) => each.found));
  const isDone = looked.value?.state === "done";
  return (
    <div class="repair">
      <ActionButton
        action={previewAction(scene, tables)}
        onDone={(answers) => {
          looked.value = undefined;
          repair.value = undefined;
          preview.value = firstJob(answers) ?? preview.value;
        }}
      />
      {preview.value !== undefined && <JobWatch key={preview.value} id={preview.value} what="Preview" onEnd={(job) => (looked.value = job)} />}
      {isDone && found?.map(({ table, found: wrong }) => <WrongRowsTable key={table} table={table} wrong={wrong} />)}
      <ActionButton
        action={repairAction(scene, tables, isDone ? rows : undefined)}
        onDone={(answers) => {
          repair.value = firstJob(answers);
          repaired.value = false;
          looked.value = undefined;
        }}
      />
      {repair.value !== undefined && (
        <JobWatch
          key={repair.value}
          id={repair.value}
          what="Repair"
          onEnd={() => {
            repaired.value = true;
            onRepaired?.();
          }}
        />
      )}
      {repaired.value && <p>Mismatches that are listed are those of the last pass: the next one says what is left.</p>}
    </div>
  );
}
