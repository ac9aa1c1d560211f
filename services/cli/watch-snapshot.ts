/**
 * `offtake snapshot status --watch`: how far the copies of a service are, until the target has all of them. On a terminal it is one line that is written over and over on stderr; elsewhere
 * nothing is said before the answer.
 */
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { withControl } from "../control/control-session.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { copiesOf, isUnderWay, marksOf } from "./copy-state.ts";
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
  const pipeline = pipelineOf(configuration, service);
  const wanted = names.map((name) => tableNamed(name, service));
  const isWanted = ({ table }: { readonly table: string }): boolean => wanted.length === 0 || wanted.includes(table);
  const target = new LastingSession(pipeline.service.target.url, {
    side: "target",
    applicationName: "offtake snapshot",
    statementTimeoutMs: 10_000,
  });
  try {
    await withControl(configuration.control.url, "offtake snapshot", async (control) => {
      for (;;) {
        // The marks first: a copy that ends in between is then seen as under way, and not as one that nobody has begun.
        const marks = (await marksOf(target, pipeline)).filter(isWanted);
        const copies = (await copiesOf(control, pipeline.connector.name, configuration.kafka.topicPrefix)).filter(isWanted);
        show?.(progressLine({ copies, marks }));
        if (!isUnderWay({ copies, marks }) || (await waitOrStop(lookMs, signal)) === "stopped") break;
      }
    });
  } finally {
    await target.end();
    show?.("");
  }
}
