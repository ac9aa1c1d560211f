/** A moment, and how long ago it was by the server's clock. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { ageText, momentText } from "./moments.ts";
import { usePage } from "./page.ts";
import { zone } from "./settings.ts";

export function Moment({ iso }: { readonly iso: string | null }): JSX.Element {
  return iso === null ? <>never</> : <time dateTime={iso}>{momentText(iso, zone.value)}</time>;
}

/** @param iso null for what has never been */
export function Age({ iso }: { readonly iso: string | null }): JSX.Element {
  const { board } = usePage();
  const text = useComputed(() => ageText(iso, board.at.value));
  return iso === null ? <>never</> : <Since iso={iso} text={text} key={iso} />;
}

function Since({ iso, text }: { readonly iso: string; readonly text: ReturnType<typeof useComputed<string>> }): JSX.Element {
  return (
    <time dateTime={iso} title={momentText(iso, zone.value)}>
      {text}
    </time>
  );
}
