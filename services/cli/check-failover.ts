/**
 * What `offtake check` asks of the monolith where a connector's slot is to survive a failover: what can be seen from the primary. What stands at the standby
 * (sync_replication_slots, a dbname in primary_conninfo) cannot; docs/mishaps.md has all of it.
 *
 * Source: PostgreSQL documentation, "Logical Decoding", Replication Slot Synchronization; synchronized_standby_slots.
 */
import { escapeLiteral, type ClientBase } from "pg";
import { failoverSince } from "../../connectors/postgres/failover-slot.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import type { ConnectorConfiguration } from "../runtime/configuration.ts";
import { majorVersion } from "./check-versions.ts";
import { fault, type Finding, note, warning } from "./finding.ts";

/** A standby's slot at its primary. */
export interface StandbySlot {
  readonly name: string;
  readonly active: boolean;
  /** Whether it holds back what the standby's queries still see. */
  readonly feedback: boolean;
}

export interface FailoverState {
  /** Whether some connector's slot is to survive. */
  readonly wanted: boolean;
  readonly major: number;
  /** synchronized_standby_slots, split. */
  readonly waitsFor: readonly string[];
  readonly standbys: readonly StandbySlot[];
}

const stateSql = `
  SELECT slot_name AS name, active, xmin IS NOT NULL OR catalog_xmin IS NOT NULL AS feedback
    FROM pg_catalog.pg_replication_slots
   WHERE slot_type = 'physical' AND NOT temporary
   ORDER BY slot_name`;

export async function checkFailover(source: ClientBase, connectors: readonly ConnectorConfiguration[]): Promise<Finding[]> {
  const wanted = connectors.filter(({ failover }) => failover);
  const { rows } = await source.query<{ waits_for: string[] }>(
    "SELECT regexp_split_to_array(nullif(btrim(current_setting('synchronized_standby_slots', true)), ''), '\\s*,\\s*') AS waits_for",
  );
  const standbys = (await source.query<StandbySlot>(stateSql)).rows;
  const state = { wanted: wanted.length > 0, major: await majorVersion(source), waitsFor: rows[0]?.waits_for ?? [], standbys };
  const findings = failoverFindings(state);
  for (const { name, slot } of wanted) {
    const found = await readSlot(source, slot);
    if (found !== undefined && !found.failover && state.major >= failoverSince)
      findings.push(fault(`connector ${name}`, `the slot ${slot} is no failover slot yet`, "Stop its connector, and run: offtake up"));
  }
  return findings;
}

/** Where no slot is to survive, and there are standbys. */
function withoutFailover({ major, standbys }: FailoverState): Finding[] {
  const active = standbys.filter((standby) => standby.active).map(({ name }) => name);
  if (active.length === 0 || major < failoverSince) return [];
  return [
    note(
      "source",
      `it has standbys (${active.join(", ")}), and no slot survives when one of them is promoted: \`failover: true\` in \`connectors\`, see docs/mishaps.md`,
    ),
  ];
}

/** Pure. */
export function failoverFindings(state: FailoverState): Finding[] {
  const where = "source";
  const { wanted, major, waitsFor, standbys } = state;
  if (!wanted) return withoutFailover(state);
  if (major < failoverSince)
    return [
      fault(
        where,
        `a slot is to survive a failover, and PostgreSQL ${major} has no failover slots: they came with ${failoverSince}`,
        "Take `failover` out of offtake.yaml, or upgrade the source.",
      ),
    ];
  if (standbys.length === 0 && waitsFor.length === 0)
    return [
      warning(
        where,
        "a slot is to survive a failover, and no standby has a slot here",
        "SELECT pg_create_physical_replication_slot('standby', true); -- and at the standby primary_slot_name = 'standby'; see docs/mishaps.md",
      ),
    ];
  const findings: Finding[] = [];
  if (waitsFor.length === 0) {
    const names = standbys.map(({ name }) => name).join(", ");
    findings.push(
      warning(
        where,
        "synchronized_standby_slots is empty: a connector may publish what a standby has not received, and a promoted standby then does not know it (TIMELINE_DIVERGED)",
        `ALTER SYSTEM SET synchronized_standby_slots = ${escapeLiteral(names)}; SELECT pg_reload_conf(); -- only standbys that may be promoted`,
      ),
    );
  }
  for (const name of waitsFor) {
    const standby = standbys.find((each) => each.name === name);
    if (standby?.active !== true)
      findings.push(
        fault(
          where,
          `synchronized_standby_slots names ${name}, which ${standby === undefined ? "is no physical slot here" : "no standby reads"}: connectors get nothing until it does`,
          "Start that standby, or take its name out: ALTER SYSTEM SET synchronized_standby_slots = …; SELECT pg_reload_conf();",
        ),
      );
    else if (!standby.feedback)
      findings.push(
        warning(
          where,
          `the standby of the slot ${name} gives no feedback: without, its copies of the slots are invalidated by vacuum`,
          "At the standby: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();",
        ),
      );
  }
  return findings;
}
