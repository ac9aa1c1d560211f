/** Asks for an API key, which is all that somebody without one sees. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { Trouble } from "./shown-status.ts";
import { TroubleNote } from "./trouble-note.tsx";

interface Asked {
  /** Why the key before was not taken; undefined where there was none. */
  readonly trouble: Trouble | undefined;
  readonly take: (key: string) => void;
}

export function KeyForm({ trouble, take }: Asked): JSX.Element {
  const key = useSignal("");
  const id = useId();
  return (
    <main class="key-form" id="main">
      <h1>Offtake</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.value.trim() !== "") take(key.value.trim());
        }}
      >
        <label for={id}>API key</label>
        <input
          id={id}
          type="password"
          value={key.value}
          onInput={(event) => (key.value = event.currentTarget.value)}
          autocomplete="off"
          autofocus
          aria-describedby={`${id}-help`}
        />
        <button type="submit">Open</button>
        <p id={`${id}-help`}>
          <code>offtake config api-key ada --role viewer</code> makes one, and says what goes into <code>http.apiKeys</code> of offtake.yaml. The key
          stays in this tab, until it is closed or you sign out.
        </p>
      </form>
      {trouble !== undefined && <TroubleNote trouble={trouble} what="The key was not taken" />}
    </main>
  );
}
