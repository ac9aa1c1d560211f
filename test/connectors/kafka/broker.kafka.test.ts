/** What needs a broker of its own: one that is killed, one that asks for passwords and knows rights. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { initProducerId } from "../../../connectors/kafka/producer-id.ts";
import { ensureTopic } from "../../../connectors/kafka/topic.ts";
import { freePort } from "../../../infra/local/free-port.ts";
import { type Stack, startStack } from "../../../infra/local/stack.ts";
import type { KafkaConfiguration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { freshTopic, kafkaConfiguration, testCluster } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type PlainRecord, readRecords } from "./plain-records.ts";
import { readTopic } from "./read-topic.ts";
import { RecordedProducer } from "./recorded-producer.ts";

let stack: Stack;
let cluster: KafkaCluster;
let guarded: string;

beforeAll(async () => {
  const [port, controller, sasl] = [await freePort(), await freePort(), await freePort()];
  guarded = `127.0.0.1:${sasl}`;
  stack = await startStack({
    backend: "local",
    servers: ["kafka"],
    progress: () => {},
    ports: { kafka: port },
    settings: {
      kafka: {
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller},GUARDED://${guarded}`,
        "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},GUARDED://${guarded}`,
        "controller.quorum.voters": `1@127.0.0.1:${controller}`,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config":
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_offtake="right" user_stranger="right";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:offtake",
      },
    },
  });
  cluster = testCluster(stack.kafka.brokers);
});

afterAll(async () => {
  await cluster.close();
  await stack.stop();
});

function batch(n: number, bytes = 500): PlainRecord[] {
  return [0, 1, 2].map((i) => ({ key: null, value: Buffer.alloc(bytes, `${n}.${i} `) }));
}

function nameOf(hex: string | null): string {
  return Buffer.from(hex ?? "", "hex")
    .toString()
    .split(" ")[0]!;
}

test("a broker that is killed while batches are in flight loses none that was acknowledged, and has none twice", async () => {
  const topic = await freshTopic(cluster);
  await using recorded = await RecordedProducer.start(cluster, topic);
  const reading = new AbortController();
  const seen = follow(topic, reading.signal);
  let sent = 0;
  const over = new AbortController();
  const load = (async () => {
    while (!over.signal.aborted) {
      for (; recorded.producer.pending < 20; sent += 1) recorded.send(batch(sent));
      await nextTurn();
    }
  })();
  for (let kill = 0; kill < 2; kill += 1) {
    // In the middle: some are durable, and five are always on the way.
    const before = recorded.durable.length;
    await waitFor(() => recorded.durable.length > before + 50, { what: "batches to arrive" });
    await stack.kafka.kill();
    await stack.kafka.start();
  }
  over.abort();
  await load;
  await recorded.drained();
  const expected = Array.from({ length: sent }, (_, n) => [0, 1, 2].map((i) => `${n}.${i}`)).flat();
  expect((await readTopic(cluster, topic)).map(({ value }) => nameOf(value))).toEqual(expected);
  expect(recorded.durable.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: sent }, (_, n) => n * 3));
  const read = await waitFor(() => seen.length >= expected.length && seen, { what: "the consumer to have read all" });
  expect(read).toEqual(expected);
  reading.abort();
});

/** Reads on and on, across whatever happens to the broker. */
function follow(topic: string, signal: AbortSignal): string[] {
  const seen: string[] = [];
  const consumer = new Consumer(cluster, topic, signal, () => {});
  const run = async (): Promise<void> => {
    for (let next = 0; ;) {
      const fetched = await consumer.fetch(next, { maxWaitMs: 100, maxBytes: 1 << 20 });
      if (fetched === undefined) break;
      for (const { offset, value } of readRecords(fetched.records)) {
        if (offset < next) continue;
        seen.push(nameOf(value));
        next = offset + 1;
      }
    }
    consumer.close();
  };
  run().catch((error: unknown) => seen.push(String(error)));
  return seen;
}

function as(username: string, password: string, changed: Partial<KafkaConfiguration> = {}): KafkaCluster {
  const sasl = { mechanism: "plain" as const, username, password: new Secret(password) };
  return new KafkaCluster({ ...kafkaConfiguration([guarded]), sasl, ...changed }, "offtake-test");
}

/** Code and message of what a promise rejects with. */
async function refusal(tried: Promise<unknown>): Promise<string> {
  const error = await tried.then(
    () => new Error("it was not refused"),
    (thrown: unknown) => thrown,
  );
  return error instanceof OfftakeError ? `${error.code} ${error.message}` : String(error);
}

describe("a broker that knows users and rights", () => {
  const { signal } = new AbortController();

  test("takes batches of a user with rights, and gives them back", async () => {
    const topic = await freshTopic(cluster);
    const own = as("offtake", "right");
    await using recorded = await RecordedProducer.start(own, topic);
    recorded.send(batch(1));
    await recorded.drained();
    expect((await readTopic(own, topic)).map(({ value }) => nameOf(value))).toEqual(["1.0", "1.1", "1.2"]);
    await own.close();
  });

  test("refuses a wrong password, and no error shows it", async () => {
    const topic = await freshTopic(cluster);
    const wrong = as("offtake", "guessed-password");
    const refused = await refusal(wrong.leader(topic));
    expect(refused).toMatch(/^KAFKA_REFUSED /);
    expect(refused).not.toContain("guessed-password");
    await wrong.close();
  });

  test("refuses to speak in the clear where passwords are asked for, and TLS where none is spoken", async () => {
    const topic = await freshTopic(cluster);
    const plain = testCluster([guarded]);
    expect(await refusal(plain.leader(topic))).toMatch(/^KAFKA_/);
    await plain.close();
    const encrypted = new KafkaCluster({ ...kafkaConfiguration(stack.kafka.brokers), tls: {} }, "offtake-test");
    expect(await refusal(encrypted.leader(topic))).toMatch(/^KAFKA_/);
    await encrypted.close();
  });

  test("names the right that a user lacks", async () => {
    const topic = await freshTopic(cluster);
    const stranger = as("stranger", "right");
    expect(await refusal(stranger.leader(topic))).toMatch(/^KAFKA_NOT_ALLOWED .*TOPIC_AUTHORIZATION_FAILED/);
    expect(await refusal(initProducerId(stranger, uniqueName("id"), signal))).toMatch(/^KAFKA_NOT_ALLOWED .*TRANSACTIONAL_ID_AUTHORIZATION_FAILED/);
    expect(await refusal(ensureTopic(stranger, uniqueName("topic"), kafkaConfiguration([guarded]), false))).toMatch(
      /^KAFKA_NOT_ALLOWED .*(TOPIC|CLUSTER)_AUTHORIZATION_FAILED/,
    );
    await using recorded = new RecordedProducer(stranger, topic, { producerId: 1n, epoch: 0 });
    recorded.send(batch(1));
    expect(await recorded.failed()).toBe("KAFKA_NOT_ALLOWED");
    const consumer = new Consumer(stranger, topic, signal, () => {});
    expect(await refusal(consumer.fetch(0, { maxWaitMs: 1, maxBytes: 1 }))).toMatch(/^KAFKA_NOT_ALLOWED /);
    await stranger.close();
  });
});
