import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Acker } from "../../../connectors/postgres/acker.ts";

describe("Acker", () => {
  test("confirms a commit when its last record is durable, not before", () => {
    const acker = new Acker(10n);
    acker.appended(2);
    acker.commit(100n);
    expect(acker.confirmable).toBe(10n);
    acker.durable(1);
    expect(acker.confirmable).toBe(10n);
    acker.durable(1);
    expect(acker.confirmable).toBe(100n);
  });

  test("a transaction without records confirms nothing: the topic's tail could not vouch for it", () => {
    const acker = new Acker(10n);
    acker.commit(100n);
    acker.durable(0);
    expect(acker.confirmable).toBe(10n);
  });

  test("a transaction without records after one with records confirms nothing either", () => {
    const acker = new Acker(10n);
    acker.appended(1);
    acker.commit(100n);
    acker.commit(200n);
    acker.durable(1);
    acker.commit(300n);
    expect(acker.confirmable).toBe(100n);
  });

  test("records that are durable before their commit has come are confirmed with it", () => {
    const acker = new Acker(10n);
    acker.appended(1);
    acker.durable(1);
    acker.commit(100n);
    expect(acker.confirmable).toBe(100n);
  });

  test("records of an open transaction that are durable already confirm nothing of it", () => {
    const acker = new Acker(10n);
    acker.appended(3);
    acker.durable(3);
    expect(acker.confirmable).toBe(10n);
  });

  test("whatever the interleaving: exactly the commits that the topic can vouch for", () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 3 }) }),
      fc.constant({ commit: true }),
      fc.record({ ack: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const acker = new Acker(0n);
        const records: bigint[] = []; // the commit LSN that each record belongs to, in topic order
        let durable = 0;
        let lsn = 1n; // of the open transaction
        const committed = new Set<bigint>();
        let before = 0n;
        for (const s of steps) {
          if ("append" in s) {
            for (let i = 0; i < s.append; i += 1) records.push(lsn);
            acker.appended(s.append);
          } else if ("commit" in s) {
            committed.add(lsn);
            acker.commit(lsn);
            lsn += 1n;
          } else {
            const n = Math.min(s.ack, records.length - durable);
            durable += n;
            acker.durable(n);
          }
          expect(acker.confirmable >= before).toBe(true);
          before = acker.confirmable;
          // The model: the newest commit that has records, all of them durable.
          let expected = 0n;
          for (const of of records.slice(0, durable)) if (committed.has(of) && records.lastIndexOf(of) < durable) expected = of;
          expect(acker.confirmable).toBe(expected);
        }
      }),
    );
  });
});
