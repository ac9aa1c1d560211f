/**
 * The secrets that this process knows, so that none of them is in what somebody else says: a proxy that answers with the headers it was sent, a server that repeats a password,
 * a library that puts what it was given into its error. Offtake's own messages never have one (secret.ts); these would go into logs, answers and dead letters as they came.
 *
 * Errors go through here, and nothing else: in the answer of a command a service may be called what somebody has chosen as a password.
 */

/** A password that is a word, as `offtake` or `postgres` where somebody tries things, would be taken out of half of all sentences, cures among them. */
const findable = /^(?=.*[^a-z_-]).{8,}$/s;

/** A process has a dozen; tests make thousands, and the oldest of them are let go. */
const most = 300;
const recent = new Set<string>();

/** The longest first: of one that another begins with, the rest would be left. Undefined until an error asks. */
let known: readonly string[] | undefined;

/** @param value as it is sent; the ways in which it may be written are found here */
export function rememberSecret(value: string): void {
  const written = [value, encoded(value), JSON.stringify(value).slice(1, -1), Buffer.from(value).toString("base64")];
  for (const each of written.filter((text) => findable.test(text))) {
    recent.delete(each);
    recent.add(each);
  }
  for (const old of recent) {
    if (recent.size <= most) break;
    recent.delete(old);
  }
  known = undefined;
}

export function withoutKnownSecrets(text: string): string {
  known ??= [...recent].toSorted((a, b) => b.length - a.length);
  return known.reduce((rest, secret) => (rest.includes(secret) ? rest.replaceAll(secret, "[redacted]") : rest), text);
}

/** Half of a character that takes two cannot be. */
function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
