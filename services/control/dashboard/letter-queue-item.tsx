/** A queue of dead letters: the event that was refused, why, what waits behind it, and what can be done. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { replayAction, skipAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { LetterDetail, LetterQueue } from "./api-answers.ts";
import { counted } from "./measures.ts";
import { Age } from "./moment.tsx";
import { usePage } from "./page.ts";
import { usePolled } from "./polled.ts";
import { letterCure } from "./letter-cure.ts";
import { valueText } from "./row-key-text.ts";
import { TroubleNote } from "./trouble-note.tsx";

/** Milliseconds between two looks at its events. */
const detailMs = 5000;

export function LetterQueueItem({ queue, onDone }: { readonly queue: LetterQueue; readonly onDone: () => void }): JSX.Element {
  const { holder } = usePage();
  const isOpen = useSignal(false);
  const { id, service, table, op, key, since, error, cure, deadLetters, keys, position } = queue;
  return (
    <li class="queue">
      <h2>
        {op} of {table} <code>{key}</code>
      </h2>
      <p>
        {service}, dead letter <code>{id}</code>, position <code>{position}</code>, since <Age iso={since} />.{" "}
        {deadLetters === 1 ? "Nothing waits behind it." : `${counted(deadLetters - 1, "event")} behind it, of ${counted(keys, "key")}.`}
      </p>
      <p class="error">
        <b>{error ?? "It waits behind another."}</b> {letterCure(cure)}
      </p>
      <ActionButton action={replayAction(holder.value, queue)} onDone={onDone} />
      <ActionButton action={skipAction(holder.value, queue, false)} onDone={onDone} />
      <ActionButton action={skipAction(holder.value, queue, true)} onDone={onDone} />
      <details onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
        <summary>Events of the queue, decoded</summary>
        {isOpen.value && <Events id={id} />}
      </details>
    </li>
  );
}

function Events({ id }: { readonly id: string }): JSX.Element {
  const { answer, trouble } = usePolled<LetterDetail>(`dead-letters/${encodeURIComponent(id)}`, detailMs);
  if (trouble.value !== undefined) return <TroubleNote trouble={trouble.value} />;
  if (answer.value === undefined) return <p>Waiting for the events.</p>;
  const { deadLetters, waiting } = answer.value;
  return (
    <>
      {deadLetters.length < waiting && (
        <p>
          The first {deadLetters.length} of {waiting}.
        </p>
      )}
      <ol class="events">
        {deadLetters.map((letter) => (
          <li key={letter.id}>
            {letter.op} of {letter.table} <code>{letter.key}</code>, position <code>{letter.position}</code>: {letter.error ?? "waits behind another"}
            <dl class="columns">
              {Object.entries(letter.row).map(([column, value]) => (
                <div key={column}>
                  <dt>{column}</dt>
                  <dd>
                    <code>{valueText(value)}</code>
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
    </>
  );
}
