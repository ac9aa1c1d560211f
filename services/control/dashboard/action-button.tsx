/** A button, the command that does the same, why it may not be pressed, and what came of it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { Action } from "./action.ts";
import { troubleIn } from "./api-client.ts";
import { CommandLine } from "./command-line.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { outcomeText } from "./outcome-text.ts";
import { usePage } from "./page.ts";
import type { Trouble } from "./shown-status.ts";
import { TroubleNote } from "./trouble-note.tsx";

interface Pressed {
  readonly action: Action;
  /** Told what was answered, to each of its requests. */
  readonly onDone?: (answers: readonly unknown[]) => void;
}

export function ActionButton({ action, onDone }: Pressed): JSX.Element {
  const { client } = usePage();
  const [isAsking, isRunning] = [useSignal(false), useSignal(false)];
  const outcome = useSignal("");
  const trouble = useSignal<Trouble | undefined>(undefined);
  const why = useId();
  const { blocked, danger } = action;
  const run = async (more: object): Promise<void> => {
    isAsking.value = false;
    isRunning.value = true;
    outcome.value = "";
    trouble.value = undefined;
    const answers: unknown[] = [];
    try {
      for (const { path, body } of action.requests) answers.push(await client.post(path, { ...body, ...more }));
      const told = outcomeText(answers);
      outcome.value = told.text;
      trouble.value = told.trouble;
    } catch (error) {
      trouble.value = troubleIn(error);
    }
    isRunning.value = false;
    onDone?.(answers);
  };
  const isOff = blocked !== undefined || isRunning.value;
  return (
    <div class="action">
      <button
        type="button"
        class={danger === undefined ? "" : "danger"}
        disabled={isOff}
        aria-describedby={why}
        onClick={() => (danger === undefined ? void run({}) : (isAsking.value = true))}
      >
        {action.label}
      </button>
      <CommandLine command={action.command} />
      <span id={why} class="why">
        {blocked}
      </span>
      <span role="status" class="outcome">
        {outcome}
      </span>
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what={`${action.label} failed`} />}
      {isAsking.value && danger !== undefined && (
        <ConfirmDialog
          action={action}
          danger={danger}
          confirm={(reason) => void run(danger.wantsReason ? { reason } : {})}
          cancel={() => (isAsking.value = false)}
        />
      )}
    </div>
  );
}
