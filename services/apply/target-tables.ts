/**
 * The tables of a target that an applier has read, so that no batch has to ask for them again, until one turns out to have been altered.
 */
import type { Client } from "pg";
import type { EventPlan } from "../../schemas/event-plan.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { type Mapped, mappingOf, redactedColumns } from "../runtime/table-mapping.ts";
import { followTable } from "./follow-table.ts";
import type { ShapeHistory } from "./table-history.ts";
import { readTargetTable, type TargetTable } from "./target-table.ts";
import type { TargetSession } from "./target-session.ts";

/** How the shapes of tables are followed. */
export interface TableWatch {
  readonly history: ShapeHistory;
  /** Told of columns that a table of the source, as schema.table, has got at the target. */
  readonly added: (table: string, columns: readonly string[]) => void;
}

export class TargetTables {
  readonly #client: Client;
  readonly #replica: boolean;
  readonly #service: Mapped;
  readonly #shapes: TableWatch;
  readonly #tables = new Map<EventPlan, TargetTable>();

  constructor({ client, replica }: TargetSession, service: Mapped, shapes: TableWatch) {
    this.#client = client;
    this.#replica = replica;
    this.#service = service;
    this.#shapes = shapes;
  }

  /** @returns undefined unless all of them have been read */
  known(plans: readonly EventPlan[]): TargetTable[] | undefined {
    const tables = plans.map((plan) => this.#tables.get(plan));
    return tables.every((table) => table !== undefined) ? tables : undefined;
  }

  /**
   * @returns the tables of the plans, at their places
   * @throws OfftakeError of followTable and readTargetTable; TARGET_TABLE_UNSUITABLE for one that another table of the source goes to
   */
  async read(plans: readonly EventPlan[]): Promise<TargetTable[]> {
    const tables: TargetTable[] = [];
    for (const plan of plans) {
      const table = this.#tables.get(plan) ?? (await this.#read(plan));
      this.#refuseShared(table);
      this.#tables.set(plan, table);
      tables.push(table);
    }
    return tables;
  }

  /** All of them are read again. */
  forget(): void {
    this.#tables.clear();
  }

  async #read(plan: EventPlan): Promise<TargetTable> {
    const { history, added } = this.#shapes;
    const columns = await followTable(this.#client, plan, this.#service, history);
    if (columns.length > 0) added(`${plan.schema}.${plan.table}`, columns);
    const shapes = await history.of(plan);
    const table = await readTargetTable(this.#client, plan, mappingOf(this.#service, plan), this.#replica, shapes?.now);
    return { ...table, hidden: redactedColumns(this.#service, plan).columns.size > 0 };
  }

  /** Rows of two tables under one key would write over each other. */
  #refuseShared({ plan, name, shown }: TargetTable): void {
    for (const other of this.#tables.values())
      if (other.name === name && (other.plan.schema !== plan.schema || other.plan.table !== plan.table))
        throw new OfftakeError(
          "TARGET_TABLE_UNSUITABLE",
          `Both ${other.plan.schema}.${other.plan.table} and ${plan.schema}.${plan.table} of the source go to ${shown} of the target.`,
          { cure: "Give one of them another `target`, or target.schema another name than the other schema has." },
        );
  }
}
