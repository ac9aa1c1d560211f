/**
 * A target as an applier holds it, with a stream of events for it: for tests that look at what the applier leaves behind.
 */
import type { Client } from "pg";
import { afterAll, afterEach } from "vitest";
import { endSession } from "../../../connectors/postgres/session.ts";
import type { Conflict } from "../../../services/apply/apply-in-order.ts";
import type { ParkedCount } from "../../../services/apply/dead-letter.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { type ParkedEvent, Parking } from "../../../services/apply/parking.ts";
import { type AppliedPosition, readPosition } from "../../../services/apply/position.ts";
import { Target } from "../../../services/apply/target.ts";
import { openTargetSession } from "../../../services/apply/target-session.ts";
import { uniqueName } from "../../support/databases.ts";
import { batchOf, EventWriter, type TableEvent, writtenShapes, WrittenTable } from "./event-writer.ts";
import { plainRole, serviceOf, targetFixture } from "./target-fixture.ts";

export const topicId = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/** The database of the test file that imports this. */
export const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

const open: Applier[] = [];
const roles: string[] = [];

afterEach(async () => {
  for (const applier of open.splice(0)) await endSession(applier.client);
  for (const role of roles.splice(0)) await target.admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

/** Runs the SQL in the empty database, and makes it ready for an applier. */
export async function prepared(sql: string): Promise<void> {
  await target.reset(sql);
  await migrateTarget(target.admin);
}

export interface ApplierOptions {
  /** Of the target; a superuser's where it is left out. */
  readonly url?: string;
  /** Where the stream goes on; a new stream where it is left out. */
  readonly writer?: EventWriter;
  /** Tables that are marked as not copied. */
  readonly uncopied?: readonly string[];
  /** Tables of which keys are parked. */
  readonly parks?: readonly string[];
  /** Columns of these that nobody may see. */
  readonly redact?: readonly string[];
}

export class Applier {
  readonly writer: EventWriter;
  readonly target: Target;
  readonly client: Client;
  readonly conflicts: Conflict[] = [];
  readonly parked: ParkedEvent[] = [];
  counts: readonly ParkedCount[] = [];
  #offset = 0;

  private constructor(
    client: Client,
    replica: boolean,
    position: AppliedPosition | undefined,
    { url = target.url, writer, uncopied, parks, redact = [] }: ApplierOptions,
  ) {
    this.client = client;
    this.writer = writer ?? new EventWriter();
    const written = serviceOf(url, "public", parks);
    const service = { ...written, tables: written.tables.map((table) => ({ ...table, redact })) };
    this.target = new Target({ client, replica }, position, {
      service,
      connector: "trading",
      topicId,
      uncopied: new Set(uncopied),
      parking: new Parking(client, {
        service,
        connector: "trading",
        topicId,
        parked: (event) => this.parked.push(event),
        counted: (counts) => {
          this.counts = counts;
        },
      }),
      shapes: { history: writtenShapes, added: () => {} },
      conflict: (conflict) => this.conflicts.push(conflict),
    });
  }

  static async start(options: ApplierOptions = {}): Promise<Applier> {
    const { client, replica } = await openTargetSession(serviceOf(options.url ?? target.url));
    const applier = new Applier(client, replica, await readPosition(client, "trading"), options);
    open.push(applier);
    return applier;
  }

  /** One whose role may not put triggers and foreign keys to sleep, on what this SQL makes. */
  static async plain(sql: string, options: ApplierOptions = {}): Promise<Applier> {
    await prepared(sql);
    const role = uniqueName("plain");
    roles.push(role);
    return Applier.start({ ...options, url: await plainRole(target, role) });
  }

  /** Applies one batch of these transactions. */
  async apply(...transactions: (readonly (TableEvent | TableEvent[])[])[]): Promise<void> {
    const batch = batchOf(
      transactions.map((events) => events.flat()),
      this.writer,
      this.#offset,
    );
    this.#offset += batch.events;
    await this.target.apply(batch);
  }

  /** Conflicts so far, without their offsets. */
  get kinds(): string[] {
    return this.conflicts.map(({ kind, table, key }) => `${kind} ${table} ${key}`);
  }
}

/** What waits, in its order: table, op, key, queue (counted from the oldest), and why where it was refused. */
export async function waiting(): Promise<string[]> {
  const { rows } = await target.admin.query<{ text: string }>(
    `SELECT format('%s %s %s #%s%s', table_name, op, key, dense_rank() OVER (ORDER BY queue), ' ' || sqlstate) AS text
       FROM offtake.dead_letter WHERE state = 'waiting' ORDER BY id`,
  );
  return rows.map(({ text }) => text);
}

/** Keys that are parked, in their order. */
export async function parkedKeys(): Promise<string[]> {
  const { rows } = await target.admin.query<{ text: string }>("SELECT format('%s %s', table_name, key) AS text FROM offtake.parked ORDER BY id");
  return rows.map(({ text }) => text);
}

/** Of the newest transaction that the target has. */
export async function committed(): Promise<bigint | undefined> {
  return (await readPosition(target.admin, "trading"))?.commitLsn;
}

export const trades = new WrittenTable("trades", { id: "int4*", note: "text", amount: "numeric" });
export const users = new WrittenTable("users", { id: "int4*", email: "text" });

/** Both tables, with something to run into: a note that is refused, a unique address, and a column of the target's own. */
export const tradesAndUsers = `CREATE TABLE trades (id int4 PRIMARY KEY, note text CHECK (note <> 'bad'), amount numeric(6,2), own text);
  CREATE TABLE users (id int4 PRIMARY KEY, email text UNIQUE)`;

export function trade(id: number, note: string | null = `n${id}`): TableEvent {
  return trades.create({ id, note, amount: "1" });
}
