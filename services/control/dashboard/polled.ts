/** What the stream does not have, asked for again and again while somebody looks at it: what was answered last stays while nobody answers, and why stands beside it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { troubleIn } from "./api-client.ts";
import { usePage } from "./page.ts";
import type { Trouble } from "./shown-status.ts";

export interface Polled<T> {
  readonly answer: Signal<T | undefined>;
  /** Undefined while the newest answer is what is shown. */
  readonly trouble: Signal<Trouble | undefined>;
  /** Ask now. */
  readonly refresh: () => void;
}

/** @param path below /api/v1; undefined for nothing */
export function usePolled<T>(path: string | undefined, everyMs: number): Polled<T> {
  const { client } = usePage();
  const answer = useSignal<T | undefined>(undefined);
  const trouble = useSignal<Trouble | undefined>(undefined);
  const asked = useSignal(0);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      if (path === undefined) return;
      // A tab that nobody sees would use up what the others may ask a minute.
      if (!document.hidden || answer.peek() === undefined)
        try {
          const found = await client.get<T>(path);
          if (isOver) return;
          answer.value = found;
          trouble.value = undefined;
        } catch (error) {
          if (isOver) return;
          trouble.value = troubleIn(error);
        }
      timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [client, path, everyMs, asked.value]);
  // Of another path it says nothing.
  useEffect(() => () => void (answer.value = undefined), [path]);
  return { answer, trouble, refresh: () => void (asked.value += 1) };
}
