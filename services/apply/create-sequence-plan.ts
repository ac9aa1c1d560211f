/**
 * Which sequences a service's tables bring along, and whose they become.
 *
 * A sequence that two services draw from counts in two databases from now on, and both will hand out the same number. That is the monolith's
 * design and cannot be mended here, but it has to be said before the cutover finds out.
 *
 * Pure.
 */
import type { Catalog, CatalogSequence, CatalogTable } from "../../connectors/postgres/catalog-model.ts";
import type { TargetContents } from "./create-existing.ts";
import type { Membership } from "./create-links.ts";
import type { TargetNames } from "./create-names.ts";
import { createSequence, ownSequence } from "./create-sequences.ts";
import type { LeftOut, Statement } from "./create-statement.ts";

export interface SequencePlan {
  schemas: string[];
  statements: Statement[];
  /** To be run when the tables are there. */
  owners: Statement[];
  reused: string[];
  leftOut: LeftOut[];
}

/** @param tables those to be created */
export function planSequences(
  source: Catalog,
  tables: readonly CatalogTable[],
  membership: Membership,
  existing: TargetContents,
  names: TargetNames,
): SequencePlan {
  const plan: SequencePlan = { schemas: [], statements: [], owners: [], reused: [], leftOut: [] };
  const drawnFrom = new Set(tables.flatMap((table) => table.columns.flatMap((column) => column.default?.needs.sequences ?? [])));
  for (const sequence of source.sequences) {
    const { owner } = sequence;
    const ownerIsCreated = owner !== null && membership.creates(owner);
    // It comes with its column.
    if (owner?.kind === "identity" && ownerIsCreated) continue;
    if (!ownerIsCreated && !drawnFrom.has(sequence.oid)) continue;
    noteSharing(sequence, membership, plan);
    if (existing.relations.has(names.key(sequence))) {
      plan.reused.push(`sequence ${names.text(sequence)}`);
      continue;
    }
    plan.schemas.push(sequence.schema);
    plan.statements.push(createSequence(sequence, names));
    if (owner === null) continue;
    if (ownerIsCreated) plan.owners.push(ownSequence(sequence, owner, names));
    else
      plan.leftOut.push({
        what: `owner ${owner.schema}.${owner.table}.${owner.column} of sequence ${nameOf(sequence)}`,
        why: whyFree(owner, membership),
      });
  }
  return plan;
}

function whyFree(owner: NonNullable<CatalogSequence["owner"]>, membership: Membership): string {
  const table = `${owner.schema}.${owner.table}`;
  return membership.owns(owner) ? `${table} was at the target before and is left alone` : `${table} is not the service's`;
}

function noteSharing(sequence: CatalogSequence, membership: Membership, plan: SequencePlan): void {
  const others = sequence.usedBy.filter((user) => !membership.owns(user)).map(({ schema, table, column }) => `${schema}.${table}.${column}`);
  if (others.length === 0) return;
  plan.leftOut.push({
    what: `one count for sequence ${nameOf(sequence)}`,
    why: `${others.join(", ")} of other services draw from it too: after a cutover two databases hand out the same numbers`,
  });
}

function nameOf({ schema, name }: CatalogSequence): string {
  return `${schema}.${name}`;
}
