/**
 * The schema registry, Confluent's API. A schema is registered before the first event that is written with it, and the registry's compatibility
 * check is what stands between a changed table and readers that would no longer understand its topic.
 *
 * Source: Confluent documentation, "Schema Registry API Reference"; @kafkajs/confluent-schema-registry.
 */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import avro from "avsc";
import { z } from "zod";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import type { AvroSchema } from "../../schemas/envelope.ts";

/** Milliseconds for one call, the client's own three retries included. */
const limitMs = 20_000;

export interface RegisteredVersion {
  readonly id: number;
  /** As it was registered. */
  readonly schema: unknown;
}

const versionNumbers = z.array(z.int());
const version = z.object({ id: z.int(), schema: z.string() });

export class Registry {
  readonly #client: SchemaRegistry;
  readonly #address: { readonly host: string; readonly auth?: { readonly username: string; readonly password: string } };
  readonly #shown: string;

  /** @param url may carry user:password */
  constructor(url: Secret) {
    const { host, auth } = hostAndAuth(url);
    this.#address = hostAndAuth(url);
    this.#shown = url.describe();
    this.#client = new SchemaRegistry({ host, clientId: "offtake", ...(auth === undefined ? {} : { auth }) });
  }

  /**
   * Registers a schema, or finds it registered.
   *
   * A new subject is set to BACKWARD: readers with the new schema can read what the old one wrote. A level that an operator has set stays, so that
   * a change can be let through on purpose.
   *
   * @returns the id that goes in front of each value
   * @throws OfftakeError SCHEMA_REFUSED, REGISTRY_UNREACHABLE, REGISTRY_REFUSED
   */
  async register(subject: string, schema: AvroSchema): Promise<number> {
    const confluent = { type: SchemaType.AVRO as const, schema: JSON.stringify(schema) };
    const doing = `register ${subject}`;
    try {
      return await this.#limited(doing, async () => {
        try {
          return (await this.#client.register(confluent, { subject, compatibility: COMPATIBILITY.BACKWARD })).id;
        } catch (error) {
          const level = configuredLevel(error);
          if (level === undefined) throw error;
          return (await this.#client.register(confluent, { subject, compatibility: level, updateConfig: false })).id;
        }
      });
    } catch (error) {
      const status = statusOf(error);
      if (status === 409 || status === 422)
        throw new OfftakeError("SCHEMA_REFUSED", `The registry refuses the schema of ${subject}: ${messageOf(error)}.`, {
          cause: error,
          cure: `Its readers would not understand the changed table. Undo the change, or agree with the service's team and let this one version through: PUT {"compatibility": "NONE"} to /config/${subject} of the registry, and BACKWARD again once the connector goes on, as it does by itself.`,
        });
      throw this.#judged(error, doing);
    }
  }

  /**
   * The schema that a value was written with.
   *
   * @throws OfftakeError SCHEMA_UNKNOWN, REGISTRY_UNREACHABLE, REGISTRY_REFUSED
   */
  async schema(id: number): Promise<avro.Type> {
    const doing = `find the schema ${id}`;
    try {
      const schema = await this.#limited(doing, async () => this.#client.getSchema(id));
      if (schema instanceof avro.Type) return schema;
    } catch (error) {
      if (statusOf(error) !== 404) throw this.#judged(error, doing);
    }
    throw new OfftakeError("SCHEMA_UNKNOWN", `The registry at ${this.#shown} has no Avro schema ${id}.`, {
      cure: "Is it the registry that the connector uses, and was it restored without its schemas? A restart of the connector registers the present ones again.",
    });
  }

  /**
   * All that was ever registered under a subject, oldest first: none for one that is not there.
   *
   * @throws OfftakeError REGISTRY_UNREACHABLE, REGISTRY_REFUSED
   */
  async versions(subject: string): Promise<RegisteredVersion[]> {
    const doing = `list the versions of ${subject}`;
    const path = `subjects/${encodeURIComponent(subject)}/versions`;
    try {
      return await this.#limited(doing, async () => {
        const numbers = versionNumbers.parse(await this.#get(path));
        const versions: RegisteredVersion[] = [];
        for (const number of numbers.toSorted((a, b) => a - b)) {
          const { id, schema } = version.parse(await this.#get(`${path}/${number}`));
          versions.push({ id, schema: JSON.parse(schema) });
        }
        return versions;
      });
    } catch (error) {
      if (statusOf(error) === 404) return [];
      throw this.#judged(error, doing);
    }
  }

  /** What the client, which gives only parsed schemas, without what other software calls custom attributes, cannot. */
  async #get(path: string): Promise<unknown> {
    const { host, auth } = this.#address;
    const authorization = auth && `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
    const headers = { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };
    const response = await fetch(`${host}/${path}`, { headers, signal: AbortSignal.timeout(limitMs) });
    if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
    return response.json();
  }

  /** Whether it answers at all. @throws OfftakeError REGISTRY_UNREACHABLE, REGISTRY_REFUSED */
  async ping(): Promise<void> {
    const doing = "answer";
    try {
      await this.#limited(doing, async () => this.#client.getLatestSchemaId("offtake-ping"));
    } catch (error) {
      if (statusOf(error) !== 404) throw this.#judged(error, doing);
    }
  }

  async #limited<T>(doing: string, call: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#unreachable(doing, `no answer within ${limitMs / 1000} s`)), limitMs);
    try {
      return await Promise.race([call(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #unreachable(doing: string, why: string, cause?: unknown): OfftakeError {
    return new OfftakeError("REGISTRY_UNREACHABLE", `The schema registry at ${this.#shown} did not ${doing}: ${why}.`, {
      cause,
      cure: "Is it up, and is registry.url right?",
    });
  }

  #judged(error: unknown, doing: string): OfftakeError {
    if (error instanceof OfftakeError) return error;
    const status = statusOf(error);
    const why = messageOf(error);
    if (status === undefined || status < 400 || status >= 500 || status === 429) return this.#unreachable(doing, why, error);
    return new OfftakeError("REGISTRY_REFUSED", `The schema registry at ${this.#shown} refuses to ${doing}: ${status} ${why}.`, {
      cause: error,
      cure: "Check registry.url (for Apicurio it ends with /apis/ccompat/v7) and its user and password.",
    });
  }
}

function hostAndAuth(url: Secret): { host: string; auth?: { username: string; password: string } } {
  const parsed = new URL(url.reveal());
  const auth = { username: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password) };
  parsed.username = "";
  parsed.password = "";
  const host = parsed.href.replace(/\/$/, "");
  return auth.username === "" ? { host } : { host, auth };
}

/** The HTTP status of the client's errors; undefined when nobody answered. */
function statusOf(error: unknown): number | undefined {
  // Where nobody answers, the client makes up a status of 400, with the network's error as what the registry is said to have answered.
  if (/ status 400: .*(\bE[A-Z_]{4,}\b|socket hang up)/.test(messageOf(error))) return undefined;
  if (typeof error === "object" && error !== null && "status" in error && typeof error.status === "number" && error.status > 0) return error.status;
  return undefined;
}

/** The client refuses to register under another level than the one it was told, and names the subject's level in its message. */
function configuredLevel(error: unknown): COMPATIBILITY | undefined {
  const level = /\(BACKWARD != ([A-Z_]+)\)/.exec(messageOf(error))?.[1];
  return Object.values(COMPATIBILITY).find((known) => known === level);
}
