/**
 * Sessions with PostgreSQL (source, target, control database) under settings that make the server print every value in one canonical way. A session with the
 * application's own DateStyle or lc_monetary would put other text on the topic, or read it as another value, without any error.
 *
 * The settings travel as start-up parameters: they hold before the first statement and end with the connection. A pooler in between refuses
 * them, which is how it is found out; SET would leak them to the application that gets the connection next.
 *
 * Source: PostgreSQL documentation, "Client Connection Defaults", "Message Flow", Start-up.
 */
import { Socket } from "node:net";
import pg, { type Client } from "pg";
import { asOfftakeError, messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { watchAnswers } from "./answer-watch.ts";
import { connectionRefusal, unreachableCure } from "./connection-refusal.ts";
import { listenForVersion, refuseOldServer } from "./server-version.ts";

/** What every value is printed and read under. Text is the truth (schemas/postgres-types.ts), so it has to be one text. */
export const canonicalSettings: Readonly<Record<string, string>> = {
  DateStyle: "ISO,YMD",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  extra_float_digits: "1",
  bytea_output: "hex",
  client_encoding: "UTF8",
  lc_monetary: "C",
  xmloption: "content",
  // Names in regclass and its like come with their schema.
  search_path: "pg_catalog",
};

/** At the source a table whose rows a policy would hide is an error, and never looks empty. */
const sourceSettings = { row_security: "off" };

/** How many statement timeouts an answer may take: several statements leave together, and each has a timeout of its own. */
const silentTimes = 5;

/** Whose server it is: chooses the error codes, and how messages name it. */
export type Side = "source" | "target" | "control";

const sides = {
  source: { shown: "source", unreachable: "SOURCE_UNREACHABLE", refused: "SOURCE_REFUSED" },
  target: { shown: "target", unreachable: "TARGET_UNREACHABLE", refused: "TARGET_REFUSED" },
  control: { shown: "control database", unreachable: "CONTROL_UNREACHABLE", refused: "CONTROL_REFUSED" },
} as const;

export interface SessionOptions {
  readonly side: Side;
  /** As pg_stat_activity shows it. */
  readonly applicationName: string;
  /** Milliseconds; 0 for none. */
  readonly statementTimeoutMs: number;
  /** Beside canonicalSettings, and instead of them where the name is the same. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Speak the replication protocol. */
  readonly replication?: boolean;
  /** Send statements without waiting for the answers to those before. */
  readonly pipeline?: boolean;
}

/**
 * @returns connected; it is the caller's to end
 * @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED, the same of TARGET and CONTROL, SERVER_TOO_OLD
 */
export async function openSession(url: Secret, options: SessionOptions): Promise<Client> {
  const limitMs = options.statementTimeoutMs * silentTimes;
  const client = new pg.Client({
    connectionString: withOptions(url.reveal(), { ...canonicalSettings, ...(options.side === "source" ? sourceSettings : {}), ...options.settings }),
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    // The server's own limit, and, for a server that says nothing any more, one of ours (answer-watch.ts).
    ...(limitMs === 0 ? {} : { statement_timeout: options.statementTimeoutMs, ...(options.pipeline === true ? {} : { query_timeout: limitMs }) }),
    ...(options.replication === true ? { replication: "database" } : {}),
    ...(options.pipeline === true ? { pipeline: true } : {}),
  });
  // A connection that breaks while nothing is asked of it would otherwise end the process; the next question finds out.
  client.on("error", () => {});
  const version = listenForVersion(client);
  try {
    await client.connect();
    if (limitMs > 0 && options.pipeline === true) watchAnswers(client, socketOf(client), limitMs);
    refuseOldServer(version(), `The ${sides[options.side].shown} at ${url.describe()}`);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw sessionError(error, options.side, url);
  }
}

/** Ends a session without waiting long for a server that does not answer. */
export async function endSession(client: Client): Promise<void> {
  const timer = setTimeout(() => socketOf(client).destroy(), 2000);
  try {
    await client.end();
  } catch {
    // It was broken already.
  } finally {
    clearTimeout(timer);
  }
}

/** The connection itself: pg has no public way to it, and replication walks its bytes in place. */
export function socketOf(client: Client): Socket {
  const connection: unknown = Reflect.get(client, "connection");
  const stream: unknown = typeof connection === "object" && connection !== null ? Reflect.get(connection, "stream") : undefined;
  if (stream instanceof Socket) return stream;
  throw new OfftakeError("INTERNAL", "pg no longer has its socket where it was.");
}

/** The server's process that serves this session. */
export function backendPidOf(client: Client): number {
  const pid: unknown = Reflect.get(client, "processID");
  if (typeof pid === "number") return pid;
  throw new OfftakeError("INTERNAL", "pg no longer has the server's process id where it was.");
}

/** The SQLSTATE of an error that a server sent. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * Whether a session ended or could not begin, so that the same statement may succeed in another.
 *
 * Source: PostgreSQL documentation, "PostgreSQL Error Codes": classes 08, 53 and 57, time-outs that end a session, and Node's socket errors, which
 * have no SQLSTATE.
 */
export function isUnreachable(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return !isFault(error);
  return state.startsWith("08") || state.startsWith("53") || ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"].includes(state);
}

/** What JavaScript itself throws is a fault of Offtake: taken for a server that is away, it would be tried again for ever. */
function isFault(error: unknown): boolean {
  return !(error instanceof Error) || [TypeError, RangeError, ReferenceError, SyntaxError].some((fault) => error instanceof fault);
}

/** An error of pg as ours. Errors of statements that are the statement's own fault are left to whoever sent it. */
export function sessionError(error: unknown, side: Side, url: Secret): OfftakeError {
  if (error instanceof OfftakeError || isFault(error)) return asOfftakeError(error);
  const { shown, refused, unreachable } = sides[side];
  const where = `The ${shown} at ${url.describe()}`;
  const state = sqlState(error);
  const why = messageOf(error);
  if (/unsupported startup parameter|no such database.*pgbouncer/i.test(why))
    return new OfftakeError(refused, `${where} is behind a connection pooler: ${why}.`, {
      cause: error,
      cure: `Give Offtake the address of the server itself: a pooler cannot carry replication, and leaks session settings.`,
    });
  const refusal = state === undefined ? connectionRefusal(error) : undefined;
  if (refusal !== undefined)
    return new OfftakeError(refused, `${where} cannot be used: ${refusal.what}.`, {
      cause: error,
      cure: refusal.cure,
    });
  if (isUnreachable(error))
    return new OfftakeError(unreachable, `${where} cannot be reached: ${why}.`, {
      cause: error,
      cure: unreachableCure(error),
    });
  return new OfftakeError(refused, `${where} refuses: ${why} (${state}).`, {
    cause: error,
    cure: error instanceof pg.DatabaseError && error.routine === "check_enable_rls" ? bypassCure : refusalCure(state, why, side, url),
  });
}

const bypassCure = "Row-level security would hide rows from this role: ALTER ROLE … BYPASSRLS; `offtake check` prints it with the role's name.";

function refusalCure(state: string | undefined, why: string, side: Side, url: Secret): string {
  if (state === "28000" && why.includes("no encryption"))
    return "The server lets nobody in without TLS, or not this role: sslmode=verify-full&sslrootcert=/path/ca.pem in the URL, or a line in pg_hba.conf.";
  // A replication connection of ours names its database, so that lines with `replication` are not about it.
  if (state === "28P01" || state === "28000")
    return "Check user and password of the URL, and the server's pg_hba.conf. A password that was changed is read when Offtake starts.";
  // Start-up parameters are read before the version is told.
  if (state === "42704")
    return "Take the setting out of `options` of the URL; where it is not there, the server is older than PostgreSQL 15, which Offtake needs.";
  if (state === "3D000") return "Check the database's name in the URL, or create it.";
  const [, database] = /^permission denied for database "(.*)"$/s.exec(why) ?? [];
  if (state === "42501" && database !== undefined) {
    const role = decodeURIComponent(new URL(url.reveal()).username);
    return `GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${pg.escapeIdentifier(role)};`;
  }
  if (state === "42501") return `Give the role that right; \`offtake check\` prints the SQL for the ${sides[side].shown}.`;
  return "";
}

/** The URL with the settings in its `options`, which is where a connection string takes them. */
function withOptions(url: string, settings: Readonly<Record<string, string>>): string {
  const parsed = new URL(url);
  // The server ends an option at any white space: what stood behind a line feed in the name of a schema would be options of its own.
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replace(/([\\ \t\n\v\f\r])/g, "\\$1")}`);
  const theirs = parsed.searchParams.get("options");
  // The client takes all of them for verify-full, says so at length on stderr, and announces that a later one will not.
  if (["prefer", "require", "verify-ca"].includes(parsed.searchParams.get("sslmode") ?? "") && !parsed.searchParams.has("uselibpqcompat"))
    parsed.searchParams.set("sslmode", "verify-full");
  parsed.searchParams.set("options", [...(theirs === null ? [] : [theirs]), ...ours].join(" "));
  return parsed.href;
}
