/**
 * Transactions of users, their strategies, and the agents that run these.
 *
 * Pure: the same desk and random numbers give the same statements.
 */
import { type Desk, remember } from "./desk.ts";
import { type LoadTransaction, TransactionDraft } from "./load-transaction.ts";
import type { SeededRandom } from "./seeded-random.ts";

const symbols = ["AAPL", "MSFT", "NVDA", "BTC-USD", "ETH-USD", "EUR/USD", "BRK.B", "SAP", "TSLA", "GOLD"] as const;
const hosts = ["fra-1", "fra-2", "nyc-1", "nyc-2", "tyo-1"] as const;

const insertUser = `
  INSERT INTO users (id, email, full_name, country, kyc, roles, cash, preferences, password_hash, two_factor, born_on, session_limit, last_login_from)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`;

const insertStrategy = `
  INSERT INTO strategies (owner_id, code, kind, symbols, parameters, source_code, capital, max_drawdown, rebalance_every, valid)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

const insertAgent = `
  INSERT INTO agent_status (agent, host, state, strategy_id, pid, load, memory_mb, last_trace)
  VALUES ($1, $2, 'starting', (SELECT id FROM strategies WHERE owner_id = $3 AND code = $4), $5, $6, $7, $8)`;

/** A desk's first transaction: everything else refers to what it writes. */
export function openDesk(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  for (let i = 0; i < 4; i += 1) addUser(draft, desk, random);
  for (let i = 0; i < 8; i += 1) addStrategy(draft, desk, random);
  for (let i = 0; i < 3; i += 1) {
    const { ownerId, code } = random.pick(desk.strategies);
    const agent = { name: `agent-${random.hex(6)}`, host: random.pick(hosts) };
    desk.agents.push(agent);
    const load = [random.fraction(), random.fraction(), random.fraction()];
    draft.step(insertAgent, [agent.name, agent.host, ownerId, code, random.between(2, 99_999), load, random.fraction() * 4096, random.hex(5000)]);
  }
  return draft.commit();
}

export function newCustomer(desk: Desk, random: SeededRandom): LoadTransaction {
  const draft = new TransactionDraft();
  addUser(draft, desk, random);
  addStrategy(draft, desk, random);
  return draft.commit();
}

function addUser(draft: TransactionDraft, desk: Desk, random: SeededRandom): void {
  const id = random.uuid();
  const name = random.pick(["Ada Ångström", "Bob O'Neill", "Chloé Dubois", "Dmitri Иванов", "山田 恵", 'Eve "Wall" Street']);
  const preferences = { theme: random.pick(["dark", "light"]), alerts: { email: random.chance(0.5), limit: random.between(1, 50) } };
  draft.step(insertUser, [
    id,
    `${id.slice(0, 13)}@${random.pick(["example.com", "Example.ORG", "mail.example.net"])}`,
    name,
    random.pick(["DE", "US", "FR", "JP"]),
    random.pick(["pending", "verified", "rejected"]),
    random.pick([["trader"], ["trader", "admin"], [], ["read only", 'quoted "role"']]),
    random.amount(1_000_000),
    JSON.stringify(preferences),
    random.bytes(32),
    random.chance(0.5),
    random.chance(0.8) ? `19${random.between(50, 99)}-0${random.between(1, 9)}-1${random.between(0, 9)}` : null,
    random.pick(["12 hours", "1 day 02:03:04", "15 mins"]),
    random.chance(0.7) ? `10.${random.between(0, 255)}.0.${random.between(1, 254)}` : null,
  ]);
  remember(desk.users, id);
}

function addStrategy(draft: TransactionDraft, desk: Desk, random: SeededRandom): void {
  const first = random.between(0, symbols.length - 4);
  const strategy = {
    ownerId: random.pick(desk.users),
    code: `S-${random.hex(8)}`,
    symbols: symbols.slice(first, first + 4),
    positions: new Set<string>(),
  };
  draft.step(insertStrategy, [
    strategy.ownerId,
    strategy.code,
    random.pick(["momentum", "mean reversion", "arbitrage", "market making"]),
    strategy.symbols,
    JSON.stringify({ window: random.between(5, 200), stop: random.fraction() }),
    `def trade(book):\n    # ${random.hex(6000)}\n    return book.best()\n`,
    random.amount(5_000_000),
    random.probability(),
    random.pick(["1 hour", "00:05:00", "1 day"]),
    random.pick(["[2026-01-01,2027-01-01)", "[2026-03-01,)", "empty"]),
  ]);
  remember(desk.strategies, strategy);
}

const tune = "UPDATE strategies SET parameters = $3, revision = revision + 1, enabled = $4 WHERE owner_id = $1 AND code = $2";
const rewrite = "UPDATE strategies SET source_code = $3, revision = revision + 1 WHERE owner_id = $1 AND code = $2";

/** Mostly without its long text, which is then not in the WAL. */
export function tuneStrategy(desk: Desk, random: SeededRandom): LoadTransaction {
  const { ownerId, code } = random.pick(desk.strategies);
  const draft = new TransactionDraft();
  if (random.chance(0.1)) return draft.step(rewrite, [ownerId, code, `# rewritten\n${random.hex(7000)}`]).commit();
  return draft.step(tune, [ownerId, code, JSON.stringify({ window: random.between(5, 200) }), random.chance(0.9)]).commit();
}

const beat = "UPDATE agent_status SET state = $3, load = $4, memory_mb = $5, heartbeat_at = clock_timestamp() WHERE agent = $1 AND host = $2";

export function agentBeat(desk: Desk, random: SeededRandom): LoadTransaction {
  const { name, host } = random.pick(desk.agents);
  const load = [random.fraction(), random.fraction()];
  return new TransactionDraft().step(beat, [name, host, random.pick(["idle", "trading", "paused"]), load, random.fraction() * 4096]).commit();
}

/** Changes the key of a row whose long text stays as it is. */
export function moveAgent(desk: Desk, random: SeededRandom): LoadTransaction {
  const agent = random.pick(desk.agents);
  const host = random.pick(hosts.filter((each) => each !== agent.host));
  const values = [agent.name, agent.host, host];
  agent.host = host;
  return new TransactionDraft()
    .step("UPDATE agent_status SET host = $3, state = 'starting' WHERE agent = $1 AND host = $2", values, { keyChanges: 1 })
    .commit();
}
