/**
 * What can be wrong with one service while another is well: its target is down, slow, full, or somebody holds a lock there; or its topic is gone.
 *
 * Of each: how it begins, how it ends, and where what the monolith commits meanwhile has to wait. While the topic takes it, the slot moves on and the monolith may forget its
 * WAL; where the topic is gone the slot must hold all of it.
 */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { deleteTopic } from "../support/topics.ts";
import { waitFor } from "../support/wait-for.ts";
import { at, connect } from "./bank-pipeline.ts";
import { fillDisk } from "./full-disk.ts";
import type { TwoServices } from "./two-services.ts";

/** The server of the ill service, where nobody else has a database. */
export interface OwnServer {
  start(): Promise<void>;
  stop(mode: "immediate"): Promise<void>;
}

/** Ends an ailment. */
export type Cure = () => Promise<void>;

export interface Ailment {
  readonly what: string;
  readonly waitsIn: "topic" | "slot";
  /** What the units of the ill service say; nothing else, but for what they may say besides. */
  readonly says: readonly string[];
  readonly maySay?: readonly string[];
  /** @returns undefined where somebody has to act, as the unit says */
  readonly begin: (services: TwoServices, server: OwnServer) => Promise<Cure | undefined>;
}

export const ailments: Readonly<Record<string, Ailment>> = {
  lock: {
    what: "somebody holds a lock on the target's table",
    waitsIn: "topic",
    says: [],
    // When a statement has waited for two minutes.
    maySay: ["TARGET_BUSY"],
    begin: async ({ ill }) => {
      const holder = await connect(ill.targetUrl);
      await holder.query(`BEGIN; LOCK TABLE ${ill.table}`);
      return async () => holder.end();
    },
  },
  slow: {
    what: "each statement of the target takes 100 ms",
    waitsIn: "topic",
    says: [],
    begin: async ({ ill }) => {
      await at(ill.targetUrl, async (client) => client.query(slowSql(ill.table)));
      return async () =>
        at(ill.targetUrl, async (client) => {
          // At once for those that wait in it; the trigger's own lock comes when the transaction under way is over.
          await client.query(takeTime("NULL"));
          await client.query(`DROP TRIGGER slow ON ${ill.table}`);
        });
    },
  },
  disk: {
    what: "the target's disk is full",
    waitsIn: "topic",
    says: ["TARGET_BUSY"],
    begin: async ({ ill }) => fillDisk(ill.targetUrl, ill.table),
  },
  down: {
    what: "the target is down",
    waitsIn: "topic",
    says: ["TARGET_UNREACHABLE"],
    begin: async (_, server) => {
      await server.stop("immediate");
      return async () => server.start();
    },
  },
  topic: {
    what: "the topic is deleted",
    waitsIn: "slot",
    says: ["TOPIC_MISSING"],
    // While the brokers have no leader for it, and still a name.
    maySay: ["KAFKA_UNREACHABLE"],
    begin: async (services) => {
      const cluster = new KafkaCluster(services.configuration.kafka, "offtake-chaos");
      await deleteTopic(cluster, services.ill.topic);
      await cluster.close();
      await waitFor(() => services.errorsOf(services.ill).includes("TOPIC_MISSING"), { what: "the ill service to miss its topic", timeout: 60_000 });
      return undefined;
    },
  },
};

const takeTime = (body: string): string =>
  `CREATE OR REPLACE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM ${body}; RETURN NULL; END'`;

/** A trigger that acts also where Offtake's session lets others sleep. */
const slowSql = (table: string): string => `
  ${takeTime("pg_sleep(0.1)")};
  CREATE TRIGGER slow AFTER INSERT ON ${table} EXECUTE FUNCTION take_time();
  ALTER TABLE ${table} ENABLE ALWAYS TRIGGER slow`;

/** The newest row of a table, which somebody may have locked. @returns undefined where it cannot be told just now */
export async function newestAt(url: string, table: string): Promise<number | undefined> {
  try {
    return await at(url, async (client) => {
      await client.query("SET lock_timeout = '50ms'");
      return Number((await client.query<{ max: string | null }>(`SELECT max(id) FROM ${table}`)).rows[0]?.max ?? 0);
    });
  } catch (error) {
    // No server, or one that is just coming; or a lock.
    if (/^(08|57P|55P03)/.test(sqlState(error) ?? "08")) return undefined;
    throw error;
  }
}
