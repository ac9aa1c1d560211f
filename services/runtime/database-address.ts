/**
 * Whether two URLs are of one database. Two services that write to one table of it write over each other; a service whose target is the monolith itself
 * makes a change of every change that it applies, for ever. Neither looks like an error to any server.
 *
 * By what the URLs say: two names of one host are two here, but for those of the machine itself.
 *
 * Pure.
 */

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * @param url a PostgreSQL URL that was checked (configuration-secrets.ts)
 * @returns host:port/database; equal for equal databases
 */
export function databaseAddress(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = (searchParams.get("host") ?? hostname).toLowerCase();
  const number = searchParams.get("port") ?? (port === "" ? "5432" : port);
  return `${loopback.has(host) ? "localhost" : host}:${number}${pathname}`;
}
