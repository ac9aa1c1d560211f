/**
 * What a connector copies beside its stream, once the stream is known to be the topic's: jobs of the journal, and those that the marks at the target ask for.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { readMarks } from "../../services/apply/needs-copy.ts";
import { readPosition } from "../../services/apply/position.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import type { Capture } from "./capture.ts";
import type { ConnectorContext } from "./connector.ts";
import { copiedByItself } from "./copied-by-itself.ts";
import { CopyRate } from "./copy-rate.ts";
import type { MovedRows } from "./moved-rows.ts";
import type { Pieces } from "./pieces.ts";
import type { RelationCompiler } from "./relation-compiler.ts";
import { serviceTables } from "./service-tables.ts";
import { endSession, openSession } from "./session.ts";
import type { SnapshotJournal } from "./snapshot-journal.ts";
import { Snapshots } from "./snapshots.ts";
import type { Tail } from "./start-checks.ts";
import type { Position } from "./transaction.ts";

/** Milliseconds between two looks whether the stream is known to be the topic's. */
const joinEveryMs = 20;

/** Milliseconds between two looks at the marks. */
const marksEveryMs = 10_000;

export interface SnapshotParts {
  readonly capture: Capture;
  readonly pieces: Pieces;
  readonly compiler: RelationCompiler;
  readonly moved: MovedRows;
  /** Where the topic ended when it was taken over. */
  readonly tail: Tail;
}

/** Until it is stopped. Never throws. */
export async function runSnapshots(context: ConnectorContext, journal: SnapshotJournal, parts: SnapshotParts, signal: AbortSignal): Promise<void> {
  const { configuration, connector, service, log } = context;
  const { capture } = parts;
  while (!capture.joined && (await waitOrStop(joinEveryMs, signal)) === "elapsed");
  const source = configuration.source.url;
  const applicationName = `offtake ${connector.name} copy`;
  const marks = new TargetMarks(service.target.url, applicationName, connector.name, parts.tail);
  const snapshots = new Snapshots(
    {
      connector: connector.name,
      service: service.name,
      journal,
      connections: service.snapshot.connections,
      tables: async () => readTables(source, applicationName, context),
      wanted: async () => marks.wanted(),
      log,
    },
    {
      ...parts,
      source,
      applicationName,
      publication: connector.publication,
      rate: new CopyRate(service.snapshot.maxRowsPerSecond ?? Infinity, service.snapshot.maxBytesPerSecond ?? Infinity),
      maxActiveSessions: service.snapshot.maxActiveSessions,
      log,
    },
  );
  await snapshots.run(signal);
}

async function readTables(url: Secret, applicationName: string, { service }: ConnectorContext): Promise<readonly TableName[]> {
  const session = await openSession(url, { side: "source", applicationName, statementTimeoutMs: 30_000 });
  try {
    return (await serviceTables(session, [service])).get(service.name) ?? [];
  } finally {
    await endSession(session);
  }
}

/**
 * The marks at the target, read now and then; a target that is away asks for nothing. Nor does one that has not come to where the topic ended: the end of a copy may
 * be among what it has still to apply, and the table would be copied once more.
 */
class TargetMarks {
  readonly #url: Secret;
  readonly #applicationName: string;
  readonly #connector: string;
  readonly #tail: Tail;
  #lookedAt = -Infinity;

  constructor(url: Secret, applicationName: string, connector: string, tail: Tail) {
    this.#tail = tail;
    this.#url = url;
    this.#applicationName = applicationName;
    this.#connector = connector;
  }

  async wanted(): Promise<ReadonlyMap<string, string> | undefined> {
    if (performance.now() - this.#lookedAt < marksEveryMs) return undefined;
    this.#lookedAt = performance.now();
    try {
      const target = await openSession(this.#url, { side: "target", applicationName: this.#applicationName, statementTimeoutMs: 10_000 });
      try {
        if (!hasReached(await readPosition(target, this.#connector), this.#tail)) return undefined;
        return copiedByItself(await readMarks(target, this.#connector));
      } finally {
        await endSession(target);
      }
    } catch {
      // Its applier says what is wrong with it.
      return undefined;
    }
  }
}

function hasReached(applied: Position | undefined, { commitLsn, sequence }: Tail): boolean {
  if (sequence === 0) return true;
  return applied !== undefined && (applied.commitLsn > commitLsn || (applied.commitLsn === commitLsn && applied.sequence >= sequence));
}
