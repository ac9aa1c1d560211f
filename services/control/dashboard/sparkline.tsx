/** The last minutes of a figure as a line; what is read aloud is the figure itself, and the table of the chart. */
import type { JSX } from "preact";
import { sparklinePath } from "./sparkline-path.ts";

const width = 120;
const height = 22;

export function Sparkline({ values }: { readonly values: readonly (number | null)[] }): JSX.Element {
  return (
    <svg class="sparkline" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      <path d={sparklinePath(values, width, height)} />
    </svg>
  );
}
