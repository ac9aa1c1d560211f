/** What is stuck, and why. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { replayAllAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { LetterQueues } from "./api-answers.ts";
import { LetterQueueItem } from "./letter-queue-item.tsx";
import { matching, servicesOf } from "./letter-filter.ts";
import { counted } from "./measures.ts";
import { usePage } from "./page.ts";
import { usePolled } from "./polled.ts";
import { queryOf } from "./query-of.ts";
import { ServiceFilter } from "./service-filter.tsx";
import { TroubleNote } from "./trouble-note.tsx";

/** Milliseconds between two looks; queues that are shown. */
const lettersMs = 5000;
const shown = 200;

export function DeadLettersView({ service }: { readonly service: string | undefined }): JSX.Element {
  const { holder } = usePage();
  const { answer, trouble, refresh } = usePolled<LetterQueues>(`dead-letters${queryOf({ service })}`, lettersMs);
  const filter = useSignal("");
  const id = useId();
  const queues = answer.value?.queues;
  const found = matching(queues ?? [], filter.value);
  return (
    <>
      <ServiceFilter view="dead-letters" service={service} />
      <p class="filter">
        <label for={id}>Table, key or error has</label>{" "}
        <input id={id} type="search" value={filter.value} onInput={(event) => (filter.value = event.currentTarget.value)} />
      </p>
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="Dead letters" />}
      {answer.value?.errors.map((each) => (
        <TroubleNote key={each.service} trouble={each} what={each.service} />
      ))}
      {queues === undefined ? <p>Waiting for the dead letters.</p> : <p>{foundText(found.length, queues.length)}</p>}
      {servicesOf(queues ?? []).map(({ name, own }) => (
        <ActionButton key={name} action={replayAllAction(holder.value, name, own)} onDone={refresh} />
      ))}
      <ul class="queues">
        {found.slice(0, shown).map((queue) => (
          <LetterQueueItem key={queue.id} queue={queue} onDone={refresh} />
        ))}
      </ul>
      {found.length > shown && <p>The first {shown} are shown.</p>}
    </>
  );
}

function foundText(found: number, all: number): string {
  if (all === 0) return "Nothing is put aside.";
  const queues = counted(all, "queue");
  return found === all ? `${queues} of dead letters, oldest first.` : `${found} of ${queues} of dead letters, oldest first.`;
}
