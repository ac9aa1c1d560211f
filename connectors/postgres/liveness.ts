/**
 * Decides when a replication connection is alive. Too patient, and a connection that a firewall forgot looks like a quiet monolith for hours;
 * too eager, and a long transaction that the server is still decoding is cut off again and again.
 *
 * The server ends a connection from which it has heard nothing for wal_sender_timeout, and asks for a reply after half of it. So a status
 * goes out at half of it whatever happens, with a request for an answer, and silence of twice that time means that nobody is there.
 *
 * Pure: the clock is an argument. Source: PostgreSQL documentation, wal_sender_timeout.
 */
export interface LivenessInput {
  /** Milliseconds; 0 when the server never ends connections. */
  readonly walSenderTimeout: number;
  /** Milliseconds on any one clock. */
  readonly now: number;
  readonly lastStatusAt: number;
  readonly lastBytesAt: number;
  /** While reading is held back, silence is ours. */
  readonly paused: boolean;
}

export interface LivenessVerdict {
  readonly sendStatus: boolean;
  readonly dead: boolean;
}

/**
 * A status at least this often, so that the slot does not lag behind what is durable. The server tells a connector that has nothing to read how far it is when it is asked, and hardly otherwise: with ten
 * seconds here, `status` showed as many of capture lag on a monolith that wrote nothing but its own bookkeeping.
 */
const statusEvery = 1000;

/** Where the server has no timeout of its own. */
const defaultTimeout = 60_000;

export function liveness({ walSenderTimeout, now, lastStatusAt, lastBytesAt, paused }: LivenessInput): LivenessVerdict {
  const timeout = walSenderTimeout === 0 ? defaultTimeout : walSenderTimeout;
  return {
    sendStatus: now - lastStatusAt >= Math.min(statusEvery, timeout / 2),
    dead: !paused && now - lastBytesAt >= timeout * 2,
  };
}
