/**
 * Keys of the HTTP API: who asks, and what they may do. offtake.yaml has hashes alone, so that whoever reads it can do nothing with it. A key has 256 random bits, which nobody
 * guesses: one round of SHA-256 is enough for it, as it would not be for a password.
 *
 * Pure apart from the random bytes.
 *
 * Source: RFC 6750, "The OAuth 2.0 Authorization Framework: Bearer Token Usage".
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** Each may do what those before it may. */
export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export interface ApiKey {
  /** Who has it, for the audit. */
  readonly name: string;
  readonly role: Role;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly hash: string;
}

export function newApiKey(): { readonly key: string; readonly hash: string } {
  const key = `offtake_${randomBytes(32).toString("base64url")}`;
  return { key, hash: `sha256:${hash("sha256", key)}` };
}

/** @param header Authorization, as it came. @returns undefined for none that is known */
export function holderOf(header: string | undefined, keys: readonly ApiKey[]): ApiKey | undefined {
  const key = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  if (key === undefined) return undefined;
  const given = Buffer.from(`sha256:${hash("sha256", key)}`);
  let found: ApiKey | undefined;
  // All of them are compared, whichever it is: how long it takes says nothing.
  for (const each of keys) {
    const known = Buffer.from(each.hash);
    if (known.length === given.length && timingSafeEqual(known, given)) found = each;
  }
  return found;
}

export function mayDo(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
