/**
 * Named places at which a test makes this process die, lose a connection or stand still, so that what is promised between any two steps is tried between
 * those two, and not where a random kill happens to hit.
 *
 * Nothing of it is there unless OFFTAKE_FAILPOINT was set when the process began: `failpoint` is undefined then, and a place costs the question whether it is.
 * `offtake run` refuses it where the configuration says `mode: production`.
 *
 *     OFFTAKE_FAILPOINT=before-commit:kill:3           the third time, kill -9
 *     OFFTAKE_FAILPOINT=after-fetch:drop               the first time, end the connection as a network does
 *     OFFTAKE_FAILPOINT=before-produce-sent:4000:2     the second time, stand still for so many milliseconds
 *     OFFTAKE_FAILPOINT=before-produce-sent:drop:1+    every time from the first on, until it is armed otherwise
 *     OFFTAKE_FAILPOINT=after-target-commit-sent:kill  the first time, whichever of the step's paths (behind an @) comes first
 *
 * Several are separated by commas. A parent that has a channel to the process (Node's IPC) may send more of them later; `OFFTAKE_FAILPOINT=` followed by
 * nothing else than `later` waits for those, and says on stderr what it was armed with: what is done before that may pass a place that is not armed yet. What fires
 * says so on stderr before it does, and fires once where it has no `+`.
 */
import { writeSync } from "node:fs";
import { OfftakeError } from "./errors.ts";

/**
 * Each has a `before-` and an `after-`. The target is committed on two paths, which share no code: `merged` is a batch that leaves together with its COMMIT, `alone` a
 * COMMIT that leaves when all in front of it has been answered, behind the pieces of a large transaction and behind rows in source order.
 */
export const steps = [
  "begin",
  "change",
  "commit",
  "keepalive",
  "batch-encoded",
  "produce-sent",
  "produce-acknowledged",
  "slot-confirmed",
  "fetch",
  "statement",
  "target-commit-sent@merged",
  "target-commit-acknowledged@merged",
  "target-commit-sent@alone",
  "target-commit-acknowledged@alone",
  "offset-committed",
] as const;

export type Place = `${"before" | "after"}-${(typeof steps)[number]}`;

interface Armed {
  readonly action: string;
  /** Visits until it fires. */
  left: number;
  readonly again: boolean;
}

/** @param drop ends the connection that the place is about */
type Failpoint = (place: Place, drop?: () => void) => void;

/** A place without the path that it is on: armed, it fires on whichever path comes first. */
export function onAnyPath(place: string): string {
  return place.replace(/@.*$/, "");
}

/** @throws OfftakeError USAGE */
function parse(text: string): [place: string, armed: Armed] {
  const [, moment, step, action, visits = "1", again] = /^(before|after)-([a-z@-]+):(kill|drop|\d{1,6})(?::([1-9]\d{0,8})(\+)?)?$/.exec(text) ?? [];
  if (moment === undefined || action === undefined || !steps.some((each) => each === step || onAnyPath(each) === step))
    throw new OfftakeError("USAGE", `OFFTAKE_FAILPOINT has \`${text}\`: expected a place, a colon, and kill, drop or milliseconds.`, {
      cure: `Places are before- or after- one of ${steps.join(", ")}.`,
    });
  return [`${moment}-${step}`, { action, left: Number(visits), again: again !== undefined }];
}

export interface Failpoints {
  readonly reach: Failpoint;
  /** @param text as in OFFTAKE_FAILPOINT @throws OfftakeError USAGE */
  readonly arm: (text: string) => void;
}

/** @throws OfftakeError USAGE */
export function failpoints(text: string): Failpoints {
  const armed = new Map<string, Armed>();
  const arm = (more: string): void => {
    for (const each of more.split(",")) if (each !== "later") armed.set(...parse(each));
  };
  arm(text);
  const reach: Failpoint = (reached, drop) => {
    const place = armed.has(reached) ? reached : onAnyPath(reached);
    const found = armed.get(place);
    if (found === undefined) return;
    found.left -= 1;
    if (found.left > 0) return;
    if (!found.again) armed.delete(place);
    const { action } = found;
    writeSync(2, `{"failpoint":"${place}","action":"${action}"}\n`);
    if (action === "kill") process.kill(process.pid, "SIGKILL");
    else if (action === "drop") drop?.();
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(action));
  };
  return { reach, arm };
}

function asked(): Failpoint | undefined {
  const text = process.env["OFFTAKE_FAILPOINT"] ?? "";
  if (text === "") return undefined;
  const { reach, arm } = failpoints(text);
  process.on("message", (message) => {
    arm(String(message));
    writeSync(2, `${JSON.stringify({ armed: String(message) })}\n`);
  });
  // To be told of more is no reason to go on when all else is done.
  process.channel?.unref();
  return reach;
}

/** Undefined in every process that nobody has asked to fail. */
export const failpoint: Failpoint | undefined = asked();

/** @throws OfftakeError USAGE for a process in production that is to fail */
export function refuseFailpoints(mode: string): void {
  if (failpoint !== undefined && mode === "production")
    throw new OfftakeError("USAGE", "OFFTAKE_FAILPOINT is set, and the configuration says `mode: production`.", {
      cure: "Unset OFFTAKE_FAILPOINT: it makes this process fail on purpose.",
    });
}
