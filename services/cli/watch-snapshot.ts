/**
 * `offtake snapshot status --watch`: how far the copies of a service are, until none waits or is under way any more. On a terminal it is one line that is written over
 * and over on stderr; elsewhere nothing is said before the answer.
 */
import { withControl } from "../control/control-session.ts";
import { readCopies, type TableCopyStatus } from "../control/snapshot-orders.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { progressLine } from "./copy-text.ts";
import { pipelineOf, tableNamed } from "./service-pipeline.ts";

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
 * @returns when no copy waits or is under way any more, or it was stopped
 * @throws OfftakeError USAGE, and of the control database
 */
export async function untilCopied(
  configuration: Configuration,
  service: string,
  names: readonly string[],
  show: ShowLine,
  signal: AbortSignal,
): Promise<void> {
  const { connector } = pipelineOf(configuration, service);
  const wanted = names.map((name) => tableNamed(name, service));
  await withControl(configuration.control.url, "offtake snapshot", async (control) => {
    for (;;) {
      const copies = (await readCopies(control, connector.name)).filter(({ table }) => wanted.length === 0 || wanted.includes(table));
      show?.(progressLine(copies));
      if (!copies.some(isOpen) || (await waitOrStop(lookMs, signal)) === "stopped") break;
    }
  }).finally(() => show?.(""));
}

function isOpen({ state }: TableCopyStatus): boolean {
  return state === "waiting" || state === "copying";
}
