/**
 * Which columns of which types a table of the monolith had before, as far as its topic knows. After a restart nobody remembers, and then a column that was
 * renamed looks like one that was added, and one that was converted like one that the target has in a type of its own.
 *
 * Source: schemas/column-types.ts.
 */
import type { Registry } from "../../connectors/kafka/registry.ts";
import { subjectOf, tableNamespace } from "../../schemas/avro-names.ts";
import { type ColumnType, columnTypes } from "../../schemas/column-types.ts";
import type { EventPlan } from "../../schemas/event-plan.ts";

export type Columns = ReadonlyMap<string, ColumnType>;

export interface TableShapes {
  /** Of the plan. */
  readonly now: Columns;
  /** Those that were registered before it, oldest first. */
  readonly earlier: readonly Columns[];
}

/** What TargetTables asks. */
export interface ShapeHistory {
  /** @returns undefined where the registry does not know the plan under the table's own subject */
  of(plan: EventPlan): Promise<TableShapes | undefined>;
}

export class TableHistory implements ShapeHistory {
  readonly #registry: Registry;
  readonly #topicPrefix: string;
  readonly #topic: string;
  readonly #known = new Map<number, TableShapes | undefined>();

  constructor(registry: Registry, topicPrefix: string, topic: string) {
    this.#registry = registry;
    this.#topicPrefix = topicPrefix;
    this.#topic = topic;
  }

  /** Asked once for each plan: what was registered before it never changes. @throws OfftakeError REGISTRY_UNREACHABLE, REGISTRY_REFUSED */
  async of(plan: EventPlan): Promise<TableShapes | undefined> {
    if (!this.#known.has(plan.schemaId)) this.#known.set(plan.schemaId, await this.#read(plan));
    return this.#known.get(plan.schemaId);
  }

  async #read({ schemaId, schema, table }: EventPlan): Promise<TableShapes | undefined> {
    const subject = subjectOf(this.#topic, `${tableNamespace(this.#topicPrefix, schema, table)}.Envelope`);
    const versions = await this.#registry.versions(subject);
    const at = versions.findIndex(({ id }) => id === schemaId);
    const now = columnTypes(versions[at]?.schema);
    return now && { now, earlier: versions.slice(0, at).flatMap((version) => columnTypes(version.schema) ?? []) };
  }
}
