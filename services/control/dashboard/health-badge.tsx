/** A node's word. Its shape says what its colour says, for those who cannot tell the colours apart. */
import type { JSX } from "preact";
import type { Health } from "./health.ts";

const shapes = { page: "■", warning: "▲", note: "◆", ok: "●" } as const;

export function HealthBadge({ health }: { readonly health: Health }): JSX.Element {
  return (
    <span class={`badge ${health.level}`}>
      <span aria-hidden="true">{shapes[health.level]}</span> {health.word}
    </span>
  );
}
