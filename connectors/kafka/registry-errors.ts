/**
 * Errors of the registry's clients, judged. Whatever answers at a wrong address answers something: a login page taken for a registry is found out when a
 * table changes, and one that is away, taken for one that refuses, is not tried again.
 *
 * Pure. Source: Confluent documentation, "Schema Registry API Reference", Errors; @kafkajs/confluent-schema-registry; Node.js documentation, fetch.
 */
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { withoutKnownSecrets } from "../../services/runtime/known-secrets.ts";

/** An answer that is no success, as our own requests throw it. */
export class RegistryAnswer extends Error {
  readonly status: number;
  /** As Confluent numbers them; undefined for an answer that is not the registry's. */
  readonly errorCode: number | undefined;

  constructor(status: number, errorCode: number | undefined, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

/** Of a subject that is not there: what only a registry says. */
export const subjectNotFound = 40401;

/** The HTTP status of the client's errors; undefined when nobody answered. */
export function statusOf(error: unknown): number | undefined {
  // Where nobody answers, the client makes up a status of 400, with the network's error as what the registry is said to have answered.
  if (/ status 400: .*(\bE[A-Z_]{4,}\b|socket hang up)/.test(messageOf(error))) return undefined;
  if (typeof error === "object" && error !== null && "status" in error && typeof error.status === "number" && error.status > 0) return error.status;
  return undefined;
}

/**
 * @param shown the registry's URL without its password
 * @param doing what was tried, as in "register the subject"
 */
export function registryError(error: unknown, shown: string, doing: string): OfftakeError {
  if (error instanceof OfftakeError) return error;
  const status = statusOf(error);
  const why = reasonOf(error);
  if (/wrong version number|packet length too long|certificate/i.test(why))
    return new OfftakeError(
      "REGISTRY_REFUSED",
      `The schema registry at ${shown} cannot be used: ${/certificate/i.test(why) ? why : "it speaks no TLS"}.`,
      {
        cause: error,
        cure: "registry.url says https: does what listens there speak TLS, and is its certificate one that Node trusts (NODE_EXTRA_CA_CERTS)?",
      },
    );
  if (status === undefined || status < 400 || status >= 500 || status === 429) return registryUnreachable(shown, doing, why, error);
  return new OfftakeError("REGISTRY_REFUSED", `The schema registry at ${shown} refuses to ${doing}: ${status} ${why}.`, {
    cause: error,
    cure: "Check registry.url (for Apicurio it ends with /apis/ccompat/v7) and its user and password.",
  });
}

export function registryUnreachable(shown: string, doing: string, why: string, cause?: unknown): OfftakeError {
  return new OfftakeError("REGISTRY_UNREACHABLE", `The schema registry at ${shown} did not ${doing}: ${why}.`, {
    cause,
    cure: "Is it up, and are host and port of registry.url right? What listens there may be another server.",
  });
}

/** @param found what answered instead, as the end of a sentence */
export function noRegistry(shown: string, found: string): OfftakeError {
  return new OfftakeError("REGISTRY_REFUSED", `What answers at ${shown} is no schema registry: ${found}.`, {
    cure: "Check host, port and path of registry.url: it is that of Confluent's API, which for Apicurio ends with /apis/ccompat/v7.",
  });
}

/** @param error what the registry answered to a schema that it does not take */
export function schemaRefused(error: unknown, shown: string, subject: string): OfftakeError {
  const why = reasonOf(error);
  if (/read-?only/i.test(why))
    return new OfftakeError("REGISTRY_REFUSED", `The schema registry at ${shown} takes no schema of ${subject} just now: ${why}.`, {
      cause: error,
      cure: `Let it take schemas again: PUT {"mode": "READWRITE"} to /mode and /mode/${subject} of the registry. The connector goes on by itself.`,
    });
  return new OfftakeError("SCHEMA_REFUSED", `The registry refuses the schema of ${subject}: ${why}.`, {
    cause: error,
    cure: `Its readers would not understand the changed table. Undo the change, or agree with the service's team and let this one version through: PUT {"compatibility": "NONE"} to /config/${subject} of the registry, and BACKWARD again once the connector goes on, as it does by itself.`,
  });
}

/** Without what the client puts in front of it: its own name, and a status that nobody sent. What fetch wraps says more than "fetch failed". */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError && error.cause !== undefined) return reasonOf(error.cause);
  // Before its white space becomes another: a proxy may repeat the password.
  return withoutKnownSecrets(messageOf(error))
    .replace(/^offtake - (Error, status \d+: )?/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
