/**
 * Looks at everything twice a second while events flow: collects the probes that have arrived, shows how far the services are, and ends the run when
 * a server, or a part of the product, has not worked for a while.
 */
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { Display } from "./display.ts";
import { sampleProgress } from "./progress-sample.ts";
import type { Scene } from "./scene.ts";

const everyMs = 500;

/** @param title gives what is going on now */
export async function watch(
  { stage, sessions, health, servers, probes }: Scene,
  display: Display,
  title: () => string,
  stop: AbortSignal,
): Promise<void> {
  while ((await waitOrStop(everyMs, stop)) === "elapsed") {
    await probes.collect();
    await servers.check();
    await health.check();
    display.show(await sampleProgress(stage.configuration, sessions, health, probes), title());
  }
}
