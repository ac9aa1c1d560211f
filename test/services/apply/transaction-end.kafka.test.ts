import { expect, test, vi } from "vitest";
import { findTransactionEnd } from "../../../services/apply/transaction-end.ts";
import type { TableEvent } from "./event-writer.ts";
import { type WrittenTopic, writtenTopic } from "./written-topic.ts";

/** More than are read on the way, several times. */
const rows = 30_000;
const batch = 1000;

/** Three rows, and then a transaction of which so many events are in the topic. */
async function withGiant(written: WrittenTopic, length: number) {
  const trades = await written.table("trades", { id: "int4*", note: "text" });
  const creates = (from: number, count: number): TableEvent[] => Array.from({ length: count }, (_, i) => trades.create({ id: from + i, note: "n" }));
  await written.write(creates(1, 3));
  const giant = written.writer.transaction(creates(4, rows)).map(({ bytes }) => bytes);
  for (let at = 0; at < length; at += batch) await written.writeValues(...giant.slice(at, Math.min(at + batch, length)));
  return { creates, giant, commitLsn: written.writer.commitLsn };
}

/** @param empty which of the broker's answers come without records; they are asked for again */
async function look(written: WrittenTopic, from: number, commitLsn: bigint, empty = -1) {
  const { consumer } = written.reader();
  const asked = consumer.fetch.bind(consumer);
  let answers = 0;
  const fetch = vi.spyOn(consumer, "fetch").mockImplementation(async (offset, limits) => {
    const answer = await asked(offset, limits);
    answers += 1;
    return answer !== undefined && answers === empty ? { ...answer, records: Buffer.alloc(0) } : answer;
  });
  const end = await findTransactionEnd(consumer, written.registry, written.topic, from, commitLsn);
  return { end, offsets: fetch.mock.calls.map(([offset]) => offset) };
}

test("the end of a giant transaction is found wherever it lies, and most of it is not read", async () => {
  await using written = await writtenTopic();
  const { creates, commitLsn } = await withGiant(written, rows);
  const last = { offset: 3 + rows, commitLsn };
  const atTheEnd = await look(written, 3, commitLsn);
  expect(atTheEnd.end).toMatchObject(last);
  expect(Math.max(...atTheEnd.offsets.map((offset, i) => offset - (atTheEnd.offsets[i - 1] ?? offset)))).toBeGreaterThan(10 * batch);
  for (let i = 0; i < 12; i += 1) await written.write(creates(100_000 + i * batch, batch));
  for (const from of [3, 20_000, 3 + rows - 50, 2 + rows]) {
    const { end, offsets } = await look(written, from, commitLsn);
    expect(end, `from ${from}`).toMatchObject(last);
    expect(offsets.length, `from ${from}: ${offsets.join(" ")}`).toBeLessThan(14);
    for (let empty = 1; empty <= offsets.length; empty += 1)
      expect((await look(written, from, commitLsn, empty)).end, `from ${from}, answer ${empty} empty`).toMatchObject(last);
  }
});

test("a giant transaction whose end was lost has none, however much has come behind the gap", async () => {
  await using written = await writtenTopic();
  const { creates, commitLsn } = await withGiant(written, 20_000);
  await written.writeValues(written.writer.gap(["public.trades"], 20_000));
  for (let i = 0; i < 12; i += 1) await written.write(creates(100_000 + i * batch, batch));
  expect((await look(written, 3, commitLsn)).end).toBe("never");
});

test("the end of a giant transaction is waited for while it is written", async () => {
  await using written = await writtenTopic();
  const { giant, commitLsn } = await withGiant(written, 12_000);
  const looking = look(written, 3, commitLsn);
  for (let at = 12_000; at < rows; at += batch) await written.writeValues(...giant.slice(at, at + batch));
  expect((await looking).end).toMatchObject({ offset: 3 + rows, commitLsn });
});
