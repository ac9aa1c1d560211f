/**
 * Negative controls: each takes one defence out of the product, and the oracle has to find out. What it does not find when a defence is missing it would not find
 * when the defence is broken, and a suite that passes would say nothing.
 */
import type { Patch } from "./mutant.ts";
import { batchLost, type Count, inPieces, killedBetween, type Ordeal, zombie } from "./ordeals.ts";

export interface Control {
  /** What is taken out. */
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly ordeal: Ordeal;
  /** What has to be found then: counts that must not be 0, and codes one of which must have been stopped with. */
  readonly finds: readonly Count[];
  /** Counts that must be 0 all the same. */
  readonly never?: readonly Count[];
  readonly stops: readonly string[];
}

/** Kafka says that it has a batch of a transaction, and does not have it. */
const lostBatch: Patch = {
  file: "connectors/kafka/producer.ts",
  find: "    const records = batch.count;\n",
  replace: `    const records = batch.count;
    if (records >= 3 && (globalThis.planted = (globalThis.planted ?? 0) + 1) === 5) {
      process.stderr.write('{"failpoint":"batch-lost","action":"lost"}\\n');
      queueMicrotask(() => this.events.durable(records, this.#offset));
      return;
    }
`,
};

const beyondTheTail = ["TOPIC_LOST_TAIL", "SLOT_MOVED"];

export const controls: readonly Control[] = [
  {
    name: "confirmed before Kafka has acknowledged",
    patches: [
      {
        file: "connectors/postgres/acker.ts",
        find: "commitLsn, 0);\n    this.#pending.leave(this.#durable);",
        replace: "commitLsn, 0);\n    this.#pending.leave(this.#appended);",
      },
    ],
    ordeal: killedBetween,
    finds: ["lost"],
    stops: beyondTheTail,
  },
  {
    name: "confirmed more than the topic's tail can vouch for",
    patches: [
      {
        file: "connectors/postgres/capture.ts",
        find: "return this.#junction.joined ? this.#outbox.confirmable : this.#confirmed;",
        replace:
          "return this.#junction.joined ? (this.#outbox.oldestPendingMicros === undefined ? this.received : this.#outbox.confirmable) : this.#confirmed;",
      },
    ],
    ordeal: killedBetween,
    finds: [],
    stops: beyondTheTail,
  },
  {
    name: "confirmed one byte too far",
    patches: [
      { file: "connectors/postgres/acker.ts", find: "add(this.#appended, commitLsn, 0);", replace: "add(this.#appended, commitLsn + 1n, 0);" },
    ],
    ordeal: killedBetween,
    finds: [],
    stops: beyondTheTail,
  },
  {
    name: "the position is stored after the rows, in a transaction of its own",
    patches: [
      {
        file: "services/apply/target.ts",
        find: "const answer = runGroup(this.#client, [...opening, ...sent, marksStatement(tables), commit]);",
        replace: `const answer = runGroup(this.#client, [begin, ...sent, marksStatement(tables), commit]).then(async (answered) => {
      failpoint?.("before-target-commit-acknowledged");
      if (answered.error === undefined) await runGroup(this.#client, [...opening, commit]);
      return answered;
    });`,
      },
    ],
    ordeal: killedBetween,
    finds: ["duplicated"],
    stops: [],
  },
  {
    name: "a batch is merged without order",
    // Of several updates of a row the first one stays.
    patches: [
      {
        file: "services/apply/merge.ts",
        find: "      case Change.update: {\n        if (isGone(before)) return undefined;\n",
        replace: "      case Change.update: {\n        if (isGone(before)) return undefined;\n        if (before === State.changed) break;\n",
      },
    ],
    ordeal: killedBetween,
    finds: ["lost"],
    stops: [],
  },
  {
    name: "the pieces of a transaction are committed one by one",
    patches: [
      {
        file: "services/apply/target.ts",
        find: '    await client.query("RELEASE SAVEPOINT piece");\n',
        replace: '    await client.query("RELEASE SAVEPOINT piece");\n    await client.query("COMMIT");\n    await client.query("BEGIN");\n',
      },
    ],
    ordeal: inPieces,
    finds: ["halfVisible"],
    stops: [],
  },
  {
    name: "the chain is not checked",
    patches: [
      lostBatch,
      {
        file: "services/apply/chain.ts",
        find: "  #checkLink(event: EventReader, offset: number): void {\n",
        replace: "  #checkLink(event: EventReader, offset: number): void {\n    return;\n",
      },
    ],
    ordeal: batchLost,
    finds: ["lost", "chainBreaks"],
    stops: [],
  },
  {
    name: "a zombie is not fenced",
    patches: [
      { file: "connectors/kafka/producer-id.ts", find: "return `offtake.${connector}`;", replace: "return `offtake.${connector}.${process.pid}`;" },
      {
        file: "connectors/postgres/take-over.ts",
        find: "if (tail.producerId !== identity.producerId || !tail.settled) {",
        replace: "if (!tail.settled) {",
      },
    ],
    ordeal: zombie,
    finds: ["topicDuplicates"],
    stops: [],
  },
];

const all: readonly Count[] = ["lost", "duplicated", "halfVisible", "chainBreaks", "topicDuplicates"];

/** The same courses with every defence in its place. */
export const whole: readonly Control[] = [
  { name: "processes killed between steps", patches: [], ordeal: killedBetween, finds: [], never: all, stops: [] },
  // What is planted is no defence: the product has to stop, and apply nothing behind the gap.
  {
    name: "a batch lost by Kafka",
    patches: [lostBatch],
    ordeal: batchLost,
    finds: ["lost", "chainBreaks"],
    never: ["halfVisible", "topicDuplicates"],
    stops: ["CHAIN_BROKEN"],
  },
  { name: "transactions in pieces", patches: [], ordeal: inPieces, finds: [], never: all, stops: [] },
  { name: "a zombie", patches: [], ordeal: zombie, finds: [], never: all, stops: [] },
];
