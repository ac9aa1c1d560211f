/**
 * `offtake snapshot status --watch`: how far the copies of a service are, until the target has all of them. On a terminal it is one line that is written over and over on stderr; elsewhere
 * nothing is said before the answer.
 */
import type { Configuration } from "../runtime/configuration.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { isUnderWay, lookAtCopies } from "./copy-state.ts";
import { progressLine } from "./copy-text.ts";

/** Milliseconds. */
const lookMs = 500;

/** @param show takes each new line; undefined where there is no terminal */
type ShowLine = ((line: string) => void) | undefined;

/** Standard error, or what is in its place. */
interface TerminalStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** One line of a terminal, written over the one before; cut where the terminal ends, since what is wrapped cannot be written over. */
export function terminalLine(stream: TerminalStream): ShowLine {
  if (stream.isTTY !== true) return undefined;
  return (line) => void stream.write(`\r\u001b[2K${line.slice(0, Math.max((stream.columns ?? 80) - 1, 0))}`);
}

/**
 * @param names of tables; empty for all
 * @returns when the target has all copies that were not called off and have not failed, or it was stopped
 * @throws OfftakeError USAGE, and of the control database and the target
 */
export async function untilCopied(
  configuration: Configuration,
  service: string,
  names: readonly string[],
  show: ShowLine,
  signal: AbortSignal,
): Promise<void> {
  await lookAtCopies(configuration, service, names, async (look) => {
    for (;;) {
      const marks = await look.marks();
      const copies = await look.copies();
      show?.(progressLine({ copies, marks }));
      if (!isUnderWay({ copies, marks }) || (await waitOrStop(lookMs, signal)) === "stopped") break;
    }
  }).finally(() => show?.(""));
}
