/**
 * Errors of a connection that the client found out by itself, before any server had a say: no SQLSTATE tells them from a network that is down. Taken for
 * one, a password that is missing or a certificate that nobody trusts is tried again for ever, as if it came right by waiting.
 *
 * Pure. Source: pg, "connection.js", "sasl.js".
 */
import { certificateRefusal } from "../../services/runtime/certificate-refusal.ts";
import { messageOf } from "../../services/runtime/errors.ts";

export interface ConnectionRefusal {
  /** What happened, as the end of a sentence. */
  readonly what: string;
  readonly cure: string;
}

/** @returns undefined for what may pass by itself */
export function connectionRefusal(error: unknown): ConnectionRefusal | undefined {
  const why = messageOf(error);
  if (why.includes("client password must be"))
    return { what: "it asks for a password, and the URL has none", cure: "Give it in the URL, postgres://user:password@host:port/database." };
  if (why.includes("server does not support SSL"))
    return {
      what: "the URL asks for TLS, and the server has none",
      cure: "Take sslmode out of the URL, or give the server a certificate: ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();",
    };
  const certificate = certificateRefusal(error);
  if (certificate !== undefined)
    return {
      what: `its certificate is not trusted: ${certificate}`,
      cure: "Name the authority that signed it (sslmode=verify-full&sslrootcert=/path/ca.pem in the URL), and the server as its certificate does.",
    };
  return undefined;
}

/** What to look at first when a server cannot be reached. */
export function unreachableCure(error: unknown): string {
  const code = codeOf(error);
  // too_many_connections: of max_connections, and of max_wal_senders too.
  if (code === "53300")
    return "Raise max_connections, or where the message says so max_wal_senders, at the server and restart it, or end sessions that nobody needs; `offtake check` has the ALTER SYSTEM for the source.";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "No such host is known here: check its name in the URL, and DNS.";
  if (messageOf(error).includes("timeout expired"))
    return "Something may listen there that is not PostgreSQL, or a firewall drops what is sent: check host and port of the URL.";
  return "Is it up, and are host and port of the URL right?";
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
