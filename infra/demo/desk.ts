/**
 * What one connection of the load knows of the rows that it has written: its own users, strategies, trades, decisions, agents.
 *
 * Statements must not depend on what other connections have done meanwhile, or the same seed would write other rows in each run. So every
 * connection has a desk of its own, writes to no other's rows, and names its rows by keys that come from the seed, never by numbers that the
 * server hands out. What it has forgotten stays in the monolith and is never touched again.
 *
 * Pure.
 */
export interface DeskStrategy {
  readonly ownerId: string;
  readonly code: string;
  readonly symbols: readonly string[];
  /** Symbols of which there is a position. */
  readonly positions: Set<string>;
}

export interface DeskTrade {
  readonly id: string;
  readonly userId: string;
  readonly strategy: DeskStrategy;
  readonly symbol: string;
  /** Horizons, in minutes, at which its outcome has been measured. */
  readonly outcomes: number[];
}

export interface DeskDecision {
  readonly id: string;
  readonly features: string[];
  /** Outcomes that name it. */
  outcomes: number;
}

export interface DeskAgent {
  readonly name: string;
  host: string;
}

export class Desk {
  /** Of the connection; part of every name that the desk gives. */
  readonly number: number;
  readonly users: string[] = [];
  readonly strategies: DeskStrategy[] = [];
  readonly openTrades: DeskTrade[] = [];
  readonly filledTrades: DeskTrade[] = [];
  readonly closedTrades: DeskTrade[] = [];
  readonly decisions: DeskDecision[] = [];
  readonly agents: DeskAgent[] = [];

  constructor(number: number) {
    this.number = number;
  }
}

/** A list of a desk remembers so many: a load that runs for hours must not fill the memory. */
const remembered = 2000;

/** Adds to a list of a desk; the oldest is forgotten when there are too many. */
export function remember<T>(list: T[], ...values: readonly T[]): void {
  list.push(...values);
  if (list.length > remembered) list.splice(0, list.length - remembered);
}
