/** A pipeline of which something has been published, for tests of what can happen to it afterwards. */
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { createPipeline, type Pipeline, type PipelineOptions } from "../../support/pipeline.ts";
import { TopicEvents } from "../../support/topic-events.ts";
import { waitFor } from "../../support/wait-for.ts";

/** A connector that has published three transactions of a row each and was stopped. Nothing has applied them. */
export async function published(options: PipelineOptions = {}): Promise<Pipeline> {
  const pipeline = await createPipeline("CREATE TABLE t (id int PRIMARY KEY, note text)", options);
  await pipeline.up();
  await using connector = pipeline.startConnector();
  await connector.working;
  for (const id of [1, 2, 3]) await pipeline.source.query("INSERT INTO t VALUES ($1)", [id]);
  await using topic = new TopicEvents(pipeline);
  await topic.drained();
  await connector.stop();
  await released(pipeline);
  return pipeline;
}

/** Waits until the server has noticed that nobody reads the slot any more. */
export async function released({ source, connector }: Pipeline): Promise<void> {
  await waitFor(async () => (await readSlot(source, connector.slot))?.active !== true, { what: "the slot to be free" });
}

export async function recordsIn(pipeline: Pipeline): Promise<number> {
  await using topic = new TopicEvents(pipeline);
  return (await topic.read()).events.length;
}
