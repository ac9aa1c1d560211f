import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BackendFrames } from "../../../connectors/postgres/backend-frames.ts";
import { message } from "../../support/pgoutput-arbitraries.ts";
import { copyData, frame, keepalive, type Message, pgoutput, unchanged, xlogData } from "../../support/pgoutput-messages.ts";

const mebibyte = 1 << 20;

/** The frames that have come so far, each as its kind and a copy of its body. */
function taken(frames: BackendFrames): string[] {
  const found: string[] = [];
  while (frames.next()) found.push(`${String.fromCharCode(frames.kind)} ${frames.bytes.toString("hex", frames.start, frames.end)}`);
  return found;
}

const shown = (kind: string, body: Buffer): string => `${kind} ${body.toString("hex")}`;

function next<T>(endless: Iterator<T>): T {
  const { value, done } = endless.next();
  if (done === true) throw new Error("it ended");
  return value;
}

const everyKind: Message[] = [
  { kind: "begin", commitLsn: 5n, commitTime: 6n, xid: 7 },
  { kind: "origin", lsn: 1n, name: "other" },
  { kind: "type", oid: 99_999, schema: "shop", name: "état" },
  {
    kind: "relation",
    oid: 16_385,
    schema: "public",
    name: "t",
    replicaIdentity: "f",
    columns: [{ name: "id", key: true, typeOid: 20, typeModifier: -1 }],
  },
  { kind: "insert", oid: 16_385, row: ["1", null] },
  { kind: "update", oid: 16_385, old: { which: "K", row: ["1", null] }, row: ["2", unchanged] },
  { kind: "delete", oid: 16_385, old: { which: "O", row: ["2", "x"] } },
  { kind: "truncate", oids: [16_385], options: 1 },
  { kind: "message", transactional: true, lsn: 8n, prefix: "offtake", content: Buffer.from("{}") },
  { kind: "commit", commitLsn: 5n, endLsn: 9n, commitTime: 6n },
];
const bodies = [...everyKind.map((each) => xlogData(pgoutput(each), 3n)), keepalive(9n, true)];
const stream = Buffer.concat([...bodies.map(copyData), frame("C", Buffer.from("COPY 0\0")), frame("Z", Buffer.from("I"))]);
const expected = [...bodies.map((body) => shown("d", body)), shown("C", Buffer.from("COPY 0\0")), shown("Z", Buffer.from("I"))];

describe("BackendFrames", () => {
  test("passes over the message that it waits for, wherever that is cut, keeps nothing of it, and finds the next", () => {
    const giant = copyData(xlogData(pgoutput({ kind: "message", transactional: true, lsn: 8n, prefix: "p", content: Buffer.alloc(60) }), 3n));
    const after = Buffer.concat([giant, stream]);
    for (let first = 5; first < giant.length; first += 1)
      for (let second = first; second <= giant.length + 10; second += 7) {
        const frames = new BackendFrames();
        frames.push(after.subarray(0, first));
        expect([frames.next(), frames.awaited, frames.awaitedStart]).toEqual([false, giant.length, 5]);
        frames.passOverAwaited();
        expect([frames.buffered, frames.awaited]).toEqual([0, 0]);
        frames.push(after.subarray(first, second));
        const found = taken(frames);
        frames.push(after.subarray(second));
        expect([...found, ...taken(frames)]).toEqual(expected);
      }
  });

  test("finds the same messages wherever the bytes of a stream are cut in two", () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const frames = new BackendFrames();
      frames.push(stream.subarray(0, cut));
      const found = taken(frames);
      frames.push(stream.subarray(cut));
      expect([...found, ...taken(frames)]).toEqual(expected);
      expect(frames.buffered).toBe(0);
    }
  });

  test("finds the same messages when the bytes come one by one", () => {
    const frames = new BackendFrames();
    const found: string[] = [];
    for (const byte of stream) {
      frames.push(Buffer.from([byte]));
      found.push(...taken(frames));
    }
    expect(found).toEqual(expected);
  });

  test("finds the messages of any stream under any cuts, read at any times", () => {
    const size = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 300 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 * mebibyte }) },
    );
    const giant = fc.integer({ min: 0, max: 3 * mebibyte }).map((length) => Buffer.alloc(length, length));
    const body = fc.oneof({ weight: 9, arbitrary: message.map(pgoutput) }, { weight: 1, arbitrary: giant });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 20 }), fc.infiniteStream(fc.tuple(size, fc.boolean())), (written, cuts) => {
        const bytes = Buffer.concat(written.map(copyData));
        const frames = new BackendFrames();
        const found: string[] = [];
        for (let at = 0; at < bytes.length;) {
          const [length, read] = next(cuts);
          frames.push(bytes.subarray(at, at + length));
          at += length;
          if (read) found.push(...taken(frames));
        }
        found.push(...taken(frames));
        expect(found.length).toBe(written.length);
        expect(found.every((each, i) => each === shown("d", written[i]!))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("says how long the message is that it waits for, as soon as its length is there", () => {
    const frames = new BackendFrames();
    const giant = copyData(Buffer.alloc(5000));
    frames.push(giant.subarray(0, 4));
    expect(frames.next()).toBe(false);
    expect(frames.awaited).toBe(0);
    frames.push(giant.subarray(4, 5));
    expect(frames.next()).toBe(false);
    expect(frames.awaited).toBe(giant.length);
    frames.push(giant.subarray(5));
    expect(frames.next()).toBe(true);
    expect(frames.awaited).toBe(0);
  });

  test.each([3, 0, -1, -0x8000_0000])("refuses a message that says it is %i bytes long", (length) => {
    const frames = new BackendFrames();
    const bytes = Buffer.from("d\0\0\0\0");
    bytes.writeInt32BE(length, 1);
    frames.push(bytes);
    expect(() => frames.next()).toThrow(expect.objectContaining({ code: "PGOUTPUT_MALFORMED" }));
  });

  test("its memory stays below four times of what is in it, and is a mebibyte again once a giant has gone", () => {
    const frames = new BackendFrames();
    const giant = copyData(Buffer.alloc(32 * mebibyte));
    for (let at = 0; at < giant.length; at += 65_536) {
      frames.push(giant.subarray(at, at + 65_536));
      expect(frames.bytes.length).toBeLessThanOrEqual(Math.max(mebibyte, 4 * frames.buffered));
    }
    expect(frames.next()).toBe(true);
    frames.push(copyData(Buffer.alloc(10)));
    expect(frames.bytes.length).toBe(mebibyte);
    expect(frames.next()).toBe(true);
  });

  test("a stream of ordinary messages never takes more than its mebibyte", () => {
    const frames = new BackendFrames();
    const chunk = Buffer.concat(Array.from({ length: 500 }, () => copyData(Buffer.alloc(125))));
    let found = 0;
    let carry = Buffer.alloc(0);
    for (let i = 0; i < 100; i += 1) {
      // Cut somewhere else each time, so that a part of a message always waits.
      const bytes = Buffer.concat([carry, chunk]);
      const cut = bytes.length - 1 - (i % 100);
      frames.push(bytes.subarray(0, cut));
      carry = bytes.subarray(cut);
      while (frames.next()) found += 1;
      expect(frames.bytes.length).toBe(mebibyte);
    }
    expect(found).toBe(100 * 500 - 1);
  });
});
