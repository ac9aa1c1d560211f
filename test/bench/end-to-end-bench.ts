/** End to end: from the slot's backlog to the target, the whole pipeline running. */
import type { Backlog } from "./backlog.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import type { Outcome } from "./contest.ts";
import { measure } from "./measure.ts";
import type { StartPipeline } from "./pipelines.ts";

/** From the moment its slot is read until the last row is at the target. */
export async function endToEnd(backlog: Backlog, startPipeline: StartPipeline, synchronousCommit: "on" | "off"): Promise<Outcome> {
  const run = backlog.nextRun();
  await backlog.copySlot(run);
  const target = await connect(await backlog.targetDatabase(run));
  const pipeline = await startPipeline(backlog, { run, synchronousCommit });
  try {
    const figures = await measure(
      async () => pipeline.pids(),
      async () => {
        await pipeline.refuseFailed?.();
        return (await backlog.readerOf(run)) !== 0;
      },
      async () => {
        await pipeline.refuseFailed?.();
        return ((await target.query("SELECT FROM bench WHERE id = -1")).rowCount ?? 0) > 0;
      },
    );
    await pipeline.settle?.();
    return { figures, equal: (await fingerprint(target)) === backlog.fingerprint };
  } finally {
    await pipeline.stop();
    await target.end();
    await backlog.dropSlot(run);
    await backlog.stack.target.dropDatabase(run);
  }
}
