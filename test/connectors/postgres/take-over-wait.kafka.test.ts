/** A connector that dies while it waits for its predecessor leaves the wait to the next one, whose producer id no longer shows that there is one. */
import { afterAll, expect, inject, test } from "vitest";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { Registry } from "../../../connectors/kafka/registry.ts";
import { markerThrough, openTopic, takeOver } from "../../../connectors/postgres/take-over.ts";
import { messageSchema } from "../../../schemas/envelope.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { freshTopic, testCluster } from "../../support/topics.ts";
import { RecordedProducer } from "../kafka/recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

test("a wait for a predecessor that was not over begins again", async () => {
  const topic = await freshTopic(cluster);
  const registry = new Registry(new Secret(inject("registry")));
  const names = { version: "0", name: "offtake", identity: { systemIdentifier: "7400000000000000001", timeline: 3, database: "shop" } };
  const messageSchemaId = await registry.register(`${topic}-messages`, messageSchema("offtake"));
  const over = { cluster, registry, topic, connector: "c", slot: "slot", names, history: [], messageSchemaId };
  const never = new AbortController().signal;
  await using predecessor = await RecordedProducer.start(cluster, topic);
  await openTopic({ ...over, signal: never }, 500n, markerThrough(predecessor.producer, never));
  const id = uniqueName("another");
  for (let start = 1; start <= 3; start += 1) {
    await using next = await RecordedProducer.start(cluster, topic, id);
    const stop = new AbortController();
    const { promise: marked, resolve } = Promise.withResolvers<void>();
    const putMarker = markerThrough(next.producer, stop.signal);
    const taking = takeOver({ ...over, signal: stop.signal }, next.identity, async (batch) => {
      const offset = await putMarker(batch);
      resolve();
      return offset;
    });
    await marked;
    stop.abort();
    await expect(taking).rejects.toMatchObject({ code: "INTERRUPTED", message: expect.stringContaining("a predecessor") });
    expect((await offsetRange(cluster, topic)).end).toBe(1 + start);
  }
});
