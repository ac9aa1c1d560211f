/** Readers that do what none may, each at the first of its inputs with a certain byte: what the fuzz is held against. */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { FuzzedReader } from "./fuzzed-readers.ts";

const samples = [Buffer.from("what somebody has written")];

/** So that nothing of it is gone when it is looked for. */
const kept: unknown[] = [];

const faults: Readonly<Record<string, () => unknown>> = {
  hangs: () => {
    for (let turn = 0; turn < 3; turn = (turn + 1) % 3) kept[0] = turn;
  },
  "is slow": () => {
    const before = process.threadCpuUsage();
    for (let left = 1; left > 0;) {
      const { user, system } = process.threadCpuUsage(before);
      left = 1_100_000 - user - system;
      kept[0] = left;
    }
  },
  "takes the heap": () => void kept.push(Array.from({ length: 4 << 20 }, (_, i) => i + 0.5)),
  "takes memory outside of it": () => void kept.push(Buffer.alloc(20 << 20)),
  "has no code": () => {
    throw new Error("no code");
  },
  misreads: () => "something else",
  "reads what is nothing": () => "nothing",
  "refuses everything from then on": () => {
    throw new OfftakeError("EVENT_MALFORMED", "An event is malformed.");
  },
};

export function readersOf(): FuzzedReader[] {
  return Object.entries(faults).map(([name, fault]) => {
    let isFaulty = false;
    return {
      name,
      samples,
      mended: (bytes) => bytes,
      read: (bytes) => {
        const wasFaulty = isFaulty;
        isFaulty ||= !bytes.equals(samples[0]!);
        const lasts = name.includes("from then on");
        return isFaulty && (lasts || !wasFaulty) ? (fault() ?? bytes.toString()) : bytes.toString();
      },
      means: (bytes) => {
        if (name === "reads what is nothing" && !bytes.equals(samples[0]!)) throw new Error("nothing");
        return bytes.toString();
      },
    };
  });
}
