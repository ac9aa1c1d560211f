/** One of a few words, as buttons that are pressed or not. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";

interface Chosen<T extends string> {
  readonly label: string;
  readonly all: readonly T[];
  readonly chosen: Signal<T>;
}

export function Choice<T extends string>({ label, all, chosen }: Chosen<T>): JSX.Element {
  return (
    <div role="group" aria-label={label} class="choice">
      {all.map((each) => (
        <button type="button" key={each} aria-pressed={chosen.value === each} onClick={() => (chosen.value = each)}>
          {each}
        </button>
      ))}
    </div>
  );
}
