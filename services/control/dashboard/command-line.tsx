/** A command, to be copied. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";

export function CommandLine({ command }: { readonly command: string }): JSX.Element {
  const text = useRef<HTMLElement>(null);
  const told = useSignal("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(command);
      told.value = "copied";
    } catch {
      // Without TLS a browser lets no page write there.
      if (text.current !== null) getSelection()?.selectAllChildren(text.current);
      told.value = "selected: press Ctrl+C";
    }
  };
  return (
    <span class="command">
      <code ref={text}>{command}</code>
      <button type="button" class="copy" aria-label={`Copy ${command}`} onClick={() => void copy()}>
        copy
      </button>
      <span role="status" class="told">
        {told}
      </span>
    </span>
  );
}
