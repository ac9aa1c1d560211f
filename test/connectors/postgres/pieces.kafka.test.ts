import { afterAll, describe, expect, test } from "vitest";
import type { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { EventEncoder } from "../../../connectors/postgres/event-encoder.ts";
import { Outbox } from "../../../connectors/postgres/outbox.ts";
import { Old, Tuple, Value } from "../../../connectors/postgres/pgoutput.ts";
import { Pieces, type PieceWriter } from "../../../connectors/postgres/pieces.ts";
import { messageSchema } from "../../../schemas/envelope.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import { exactAvroType } from "../../support/exact-avro.ts";
import { errorOf } from "../../support/error-of.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { freshTopic, testCluster } from "../../support/topics.ts";
import { readTopic } from "../kafka/read-topic.ts";
import { RecordedProducer } from "../kafka/recorded-producer.ts";

const cluster = testCluster();
afterAll(async () => cluster.close());

const names = { version: "0", name: "offtake", identity: { systemIdentifier: "74", timeline: 1, database: "d" } };
const envelope = exactAvroType(messageSchema("offtake"));
const place = { commitLsn: 100n, commitTime: 0n, xid: 7, previous: 50n, sequence: 3 };

interface Record {
  readonly source: { readonly txId: bigint; readonly snapshot: string };
  readonly message: { readonly content: Buffer };
  readonly offtake: { readonly commit_lsn: bigint; readonly sequence: bigint; readonly prev_commit_lsn: bigint; readonly last: boolean };
}

/** Each record as table, commit LSN, sequence, the transaction before, and a point where it is the last of its piece. */
async function linesIn(of: KafkaCluster, topic: string): Promise<string[]> {
  return (await readTopic(of, topic)).map(({ value }) => {
    const record: Record = envelope.fromBuffer(Buffer.from(value!, "hex").subarray(5));
    const { table }: { table: string } = JSON.parse(record.message.content.toString());
    const { commit_lsn: commit, sequence, prev_commit_lsn: previous, last } = record.offtake;
    return `${table.slice(0, 9)} ${commit}:${sequence} after ${previous}${last ? " ." : ""}`;
  });
}

function copied(...tables: string[]): (writer: PieceWriter) => void {
  return (writer) => {
    for (const table of tables) writer.copied({ kind: "copied", table, snapshot: "1", reason: "" });
  };
}

/** `await using` ends its producer. */
async function open(maxEventBytes = 1 << 20) {
  const topic = await freshTopic(cluster);
  const recorded = await RecordedProducer.start(cluster, topic);
  const outbox = new Outbox(recorded.producer, "none", 0n, () => {});
  const pieces = new Pieces(outbox, names, 1, maxEventBytes);
  return { topic, recorded, outbox, pieces, [Symbol.asyncDispose]: async () => recorded[Symbol.asyncDispose]() };
}

describe("a piece", () => {
  test("waits until the stream has come so far, and is between two transactions", async () => {
    await using opened = await open();
    const { topic, recorded, pieces } = opened;
    let reached: bigint | undefined = 200n;
    pieces.reached = () => reached;
    const written: string[] = [];
    const put = async (passed: bigint, table: string): Promise<void> => pieces.put(passed, copied(table)).then(() => void written.push(table));
    // Behind no transaction there is no place for it.
    const first = put(100n, "first");
    expect(recorded.producer.pending).toBe(0);
    pieces.behind(place);
    reached = undefined;
    pieces.offer();
    reached = 99n;
    pieces.offer();
    const second = put(99n, "second");
    await second;
    expect(written).toEqual(["second"]);
    reached = 100n;
    pieces.offer();
    await first;
    pieces.behind({ ...place, commitLsn: 150n, previous: 100n, sequence: 1 });
    await put(0n, "third");
    await pieces.durable();
    expect(await linesIn(cluster, topic)).toEqual(["second 100:4 after 50 .", "first 100:5 after 50 .", "third 150:2 after 100 ."]);
  });

  test("that fails has what it had written before, and others go on", async () => {
    await using opened = await open();
    const { topic, pieces, outbox } = opened;
    pieces.reached = () => 0n;
    pieces.behind(place);
    const failing = pieces.put(0n, (writer) => {
      copied("before")(writer);
      throw new OfftakeError("EVENT_TOO_LARGE", "a row");
    });
    expect((await errorOf(failing)).code).toBe("EVENT_TOO_LARGE");
    await pieces.put(0n, copied("a", "b"));
    await pieces.durable();
    expect(await linesIn(cluster, topic)).toEqual(["before 100:4 after 50 .", "a 100:5 after 50", "b 100:6 after 50 ."]);
    // It confirms what it is behind, and is no transaction.
    expect([outbox.confirmable, outbox.events, outbox.transactions]).toEqual([100n, 3, 0]);
  });

  test("of which a row is too large has no number for it: what goes on at the same place is the next in the chain", async () => {
    await using opened = await open(1);
    const { topic, pieces } = opened;
    pieces.reached = () => 0n;
    pieces.behind(place);
    const columns = [{ name: "id", key: true, type: avroColumnType(20, undefined) }];
    const encoder = new EventEncoder({ schema: "public", table: "t", columns, keyId: 1, valueId: 2, keyFromCatalog: false });
    const row = { new: new Tuple(), old: new Tuple(), oldKind: Old.none };
    row.new.count = 1;
    row.new.kind[0] = Value.text;
    row.new.end[0] = 1;
    const failing = pieces.put(0n, (writer) => {
      copied("before")(writer);
      writer.row(encoder, row, Buffer.from("7"));
    });
    expect((await errorOf(failing)).message).toContain("public.t (id)=(7)");
    await pieces.put(0n, copied("behind"));
    await pieces.durable();
    expect(await linesIn(cluster, topic)).toEqual(["before 100:4 after 50 .", "behind 100:5 after 50 ."]);
  });

  test("ends with each record batch: what is in the topic of it is whole", async () => {
    await using opened = await open();
    const { topic, recorded, pieces } = opened;
    pieces.reached = () => 0n;
    pieces.behind(place);
    await pieces.put(0n, copied(...Array.from({ length: 25 }, (_, i) => `table-${i} `.padEnd(100_000, "x"))));
    await pieces.durable();
    const lines = await linesIn(cluster, topic);
    const ends = lines.flatMap((line, i) => (line.endsWith(" .") ? [i] : []));
    expect(lines).toHaveLength(25);
    expect(recorded.durable.length).toBe(0);
    expect(ends).toEqual([10, 21, 24]);
  });
});
