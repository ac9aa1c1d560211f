/**
 * Holds what the bank has acknowledged against the source, the topic and the target, and counts what is wrong. Row by row: figures that agree while rows differ are
 * how a loss is overlooked.
 */
import type { Client } from "pg";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Table, tables } from "./bank.ts";
import { at, type BankPipeline } from "./bank-pipeline.ts";
import { type Facts, factsOf, factSql } from "./deed.ts";
import { auditTopic } from "./topic-audit.ts";

export interface Verdict {
  readonly acknowledged: number;
  /** Commits whose answer was lost, and those of them that the source has. */
  readonly inDoubt: number;
  readonly inDoubtCommitted: number;
  /** Rows of the ledger that the target does not have, and transfers of it that are not in the topic. */
  readonly lost: number;
  /** Rows whose key the target has and the ledger has not, and events that the applier found applied already. */
  readonly duplicated: number;
  readonly chainBreaks: number;
  readonly topicDuplicates: number;
  readonly events: number;
  /** Rows of the source that are not the ledger's: the test's own fault, or PostgreSQL's. */
  readonly sourceDiffers: number;
  /** Of all tables, at the target. */
  readonly rows: number;
}

const names: readonly Table[] = ["account", "transfer", "note", "posting"];

async function factsAt(client: Client): Promise<Facts> {
  const read = async (table: Table): Promise<ReadonlySet<string>> => {
    const { rows } = await client.query<{ fact: string }>(`SELECT ${factSql[table]} AS fact FROM ${table}`);
    return new Set(rows.map(({ fact }) => fact));
  };
  return { account: await read("account"), transfer: await read("transfer"), note: await read("note"), posting: await read("posting") };
}

/** Every row of a side as PostgreSQL prints it. */
async function textOf(client: Client): Promise<string> {
  const texts: string[] = [];
  for (const table of names) {
    const sql = `SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY ${tables[table]}), '')) AS text FROM ${table} t`;
    texts.push((await client.query<{ text: string }>(sql)).rows[0]!.text);
  }
  return texts.join();
}

/** Rows of the one that the other does not have. */
function missing(from: Facts, other: Facts): number {
  return names.reduce((sum, table) => sum + [...from[table]].filter((fact) => !other[table].has(fact)).length, 0);
}

/** A fact begins with the key of its row. */
function keysOf(facts: Facts): Facts {
  const first = (table: Table, words: number): Set<string> => new Set([...facts[table]].map((fact) => fact.split(" ", words).join(" ")));
  return { account: first("account", 1), transfer: first("transfer", 1), note: first("note", 1), posting: first("posting", 2) };
}

/**
 * Waits until the target has what the source has, all of it in every column; the load must be over.
 *
 * @throws Error when that has not come about in time
 */
export async function settled(bank: BankPipeline, timeout: number): Promise<void> {
  const expected = await at(bank.sourceUrl, textOf);
  await waitFor(async () => (await at(bank.targetUrl, textOf)) === expected, { what: "the target to be equal to the source", timeout });
}

/** What is committed, as the ledger knows it; the source is asked for what is in doubt and for nothing else. */
async function committedFacts(bank: BankPipeline): Promise<Facts> {
  const doubtful = [...bank.ledger.inDoubt.keys()];
  const { rows } = await at(bank.sourceUrl, async (client) =>
    client.query<{ id: string }>("SELECT id FROM transfer WHERE id = ANY ($1)", [doubtful]),
  );
  return factsOf(bank.ledger.committed(new Set(rows.map(({ id }) => Number(id)))));
}

/** Rows by which target and ledger differ. */
export async function differing(bank: BankPipeline): Promise<number> {
  const committed = await committedFacts(bank);
  const target = await at(bank.targetUrl, factsAt);
  return missing(committed, target) + missing(target, committed);
}

/** The target as it is; nothing may be on the way any more. */
export async function judge(bank: BankPipeline): Promise<Verdict> {
  const { ledger, configuration } = bank;
  const source = await at(bank.sourceUrl, factsAt);
  const target = await at(bank.targetUrl, factsAt);
  const committed = await committedFacts(bank);
  const { topic } = configuration.services[0]!;
  const cluster = new KafkaCluster(configuration.kafka, "offtake-chaos");
  const audit = await auditTopic(cluster, new Registry(configuration.registry.url), topic, "transfer");
  await cluster.close();
  const transfers = [...committed.transfer].map((fact) => Number(fact.slice(0, fact.indexOf(" "))));
  const unpublished = transfers.filter((id) => !audit.created.has(id)).length;
  const conflicts = bank.applier.lines.filter(({ msg }) => msg?.startsWith("the target's row is not what the stream takes it to be") === true).length;
  return {
    acknowledged: ledger.acknowledged.size,
    inDoubt: ledger.inDoubt.size,
    inDoubtCommitted: committed.transfer.size - ledger.acknowledged.size,
    lost: missing(committed, target) + unpublished,
    duplicated: missing(keysOf(target), keysOf(committed)) + conflicts,
    chainBreaks: audit.chainBreaks,
    topicDuplicates: audit.duplicates + [...audit.created.values()].filter((times) => times > 1).length,
    events: audit.events,
    sourceDiffers: missing(committed, source) + missing(source, committed),
    rows: names.reduce((sum, table) => sum + target[table].size, 0),
  };
}
