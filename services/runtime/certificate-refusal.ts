/**
 * Whether a connection was given up because of the server's certificate: signed by nobody who is trusted, made out to another host, or run out. Taken for a server that is
 * away it is tried again for ever, and nobody is told that somebody else may be answering in its place.
 *
 * Pure. Source: Node.js documentation, "TLS", X509 certificate error codes.
 */
const certificateCodes = /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** Causes are followed so far; an error may be its own cause. */
const longestChain = 8;

/** @returns the client's words for it; undefined for any other error, whatever wraps it */
export function certificateRefusal(error: unknown, depth = 1): string | undefined {
  if (!(error instanceof Error) || depth > longestChain) return undefined;
  if ("code" in error && certificateCodes.test(String(error.code))) return error.message;
  const parts: unknown[] = error instanceof AggregateError ? error.errors : [];
  for (const part of [...parts, error.cause]) {
    const found = certificateRefusal(part, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
