/**
 * OpenTelemetry traces, for those who collect them: one span for each batch that is applied, each pass and each job, never one for a row. Off unless OFFTAKE_TRACES is `on`; the package
 * `@opentelemetry/api` is not installed with Offtake, since it comes with whatever SDK the process is started with (docs/cli.md, "Traces").
 *
 * Source: OpenTelemetry, "Trace API"; the API's own global holds the provider, so that this module holds a tracer.
 */
import type * as Api from "@opentelemetry/api";
import { OfftakeError } from "./errors.ts";
import type { Log } from "./log.ts";
import { version } from "./version.ts";

export interface FinishedSpan {
  /** Of a fixed set, without names of tables in it: they are attributes. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly attributes: Api.Attributes;
  /** Code and message, where it has failed. */
  readonly error?: string | undefined;
}

let tracer: Api.Tracer | undefined;
/** SpanStatusCode.ERROR. */
const failed = 2;

/**
 * @param load finds the API
 * @throws OfftakeError USAGE where traces are wanted and the API is not there, or OFFTAKE_TRACES means nothing
 */
export async function openTraces(
  env: NodeJS.ProcessEnv,
  log: Log,
  load: () => Promise<Pick<typeof Api, "trace">> = async () => import("@opentelemetry/api"),
): Promise<void> {
  const wish = env["OFFTAKE_TRACES"] ?? "";
  tracer = undefined;
  if (wish === "" || wish === "off") return;
  if (wish !== "on") throw new OfftakeError("USAGE", `OFFTAKE_TRACES is \`${wish}\`: expected on or off.`);
  const api = await load().catch((error: unknown) => {
    throw new OfftakeError("USAGE", "OFFTAKE_TRACES is on, and the package @opentelemetry/api is not installed.", {
      cause: error,
      cure: "Install it with the SDK that exports the traces, as docs/cli.md says, or unset OFFTAKE_TRACES.",
    });
  });
  tracer = api.trace.getTracer("offtake", version);
  const probe = tracer.startSpan("offtake start");
  if (!probe.isRecording())
    log.warn("OFFTAKE_TRACES is on, and nobody records: start the process with an SDK (NODE_OPTIONS=--import …), as docs/cli.md says");
  probe.end();
}

/** Costs nothing where there are no traces. */
export function traced({ name, startedAt, endedAt = Date.now(), attributes, error }: FinishedSpan): void {
  if (tracer === undefined) return;
  const span = tracer.startSpan(name, { startTime: startedAt, attributes });
  if (error !== undefined) span.setStatus({ code: failed, message: error });
  span.end(endedAt);
}
