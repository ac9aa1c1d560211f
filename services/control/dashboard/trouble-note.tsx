/** What went wrong and what to do about it, in the words of the API. */
import type { JSX } from "preact";
import type { Trouble } from "./shown-status.ts";

export function TroubleNote({ trouble, what }: { readonly trouble: Trouble; readonly what?: string }): JSX.Element {
  return (
    <p class="note page" role="alert">
      {what === undefined ? "" : `${what}: `}
      <b>{trouble.message}</b> {trouble.cure} <code>{trouble.code}</code>
    </p>
  );
}
