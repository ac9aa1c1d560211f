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
import { noRegistry, RegistryAnswer, registryError, registryUnreachable, schemaRefused, statusOf, subjectNotFound } from "./registry-errors.ts";

/** Milliseconds for one call, the client's own three retries included. */
const limitMs = 20_000;

export interface RegisteredVersion {
  readonly id: number;
  /** As it was registered. */
  readonly schema: unknown;
}

const versionNumbers = z.array(z.int());
const version = z.object({ id: z.int(), schema: z.string() });
const errorBody = z.object({ error_code: z.int(), message: z.string().default("") });

/** How often a level that is another one than it was a moment before is taken up. */
const attempts = 5;

/** Asked for to see what answers: nobody has it. */
const pingSubject = "offtake-ping";

export class Registry {
  readonly #client: SchemaRegistry;
  readonly #address: { readonly host: string; readonly auth?: { readonly username: string; readonly password: string } };
  readonly #shown: string;
  /** Whether what answers there has been found to be a registry. */
  #recognised = false;

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
        let compatibility = COMPATIBILITY.BACKWARD;
        for (let left = attempts; ; left -= 1) {
          try {
            return (await this.#client.register(confluent, { subject, compatibility, updateConfig: compatibility === COMPATIBILITY.BACKWARD })).id;
          } catch (error) {
            const level = configuredLevel(error);
            // The stream and a copy may both be the first to register a table, and meet a level that the other one is just setting: a copy that did was given up.
            if (left === 0 || (level === undefined && !isLevelTaken(error))) throw error;
            compatibility = level ?? compatibility;
          }
        }
      });
    } catch (error) {
      const status = statusOf(error);
      if (status === 409 || status === 422) throw schemaRefused(error, this.#shown, subject);
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
        const numbers = this.#parsed(versionNumbers, await this.#get(path));
        const versions: RegisteredVersion[] = [];
        for (const number of numbers.toSorted((a, b) => a - b)) {
          const { id, schema } = this.#parsed(version, await this.#get(`${path}/${number}`));
          versions.push({ id, schema: JSON.parse(schema) });
        }
        return versions;
      });
    } catch (error) {
      if (isSubjectNotFound(error)) return [];
      throw this.#judged(error, doing);
    }
  }

  /**
   * Whether it answers, and as a registry does: a login page or another server's "not found" would be taken for a subject that is new.
   *
   * @throws OfftakeError REGISTRY_UNREACHABLE, REGISTRY_REFUSED
   */
  async ping(): Promise<void> {
    const doing = "answer";
    try {
      await this.#inTime(doing, async () => this.#recognise(false));
    } catch (error) {
      throw this.#judged(error, doing);
    }
  }

  /** @param refusing whether one counts that refuses to say: where rights are given by subject, nobody has any to that one */
  async #recognise(refusing: boolean): Promise<void> {
    try {
      this.#parsed(versionNumbers, await this.#get(`subjects/${pingSubject}/versions`));
    } catch (error) {
      if (!isSubjectNotFound(error) && !(refusing && isOwnRefusal(error))) throw error;
    }
    this.#recognised = true;
  }

  /** What the client, which gives only parsed schemas, without what other software calls custom attributes, cannot. */
  async #get(path: string): Promise<unknown> {
    const { host, auth } = this.#address;
    const authorization = auth && `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
    const headers = { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };
    const response = await fetch(`${host}/${path}`, { headers, signal: AbortSignal.timeout(limitMs) });
    const body = await bodyOf(response);
    if (response.ok) return body;
    const { data: refusal } = errorBody.safeParse(body);
    if (response.status === 404 && refusal === undefined) throw noRegistry(this.#shown, `404 for /${path}, and not as a registry says it`);
    throw new RegistryAnswer(response.status, refusal?.error_code, refusal?.message ?? response.statusText);
  }

  #parsed<T>(shape: z.ZodType<T>, body: unknown): T {
    const { data, success } = shape.safeParse(body);
    if (success) return data;
    throw noRegistry(this.#shown, body === undefined ? "it answers with a page, not with JSON" : "it answers with JSON of another kind");
  }

  /** A call of the client, once it is known what it talks to. */
  async #limited<T>(doing: string, call: () => Promise<T>): Promise<T> {
    return this.#inTime(doing, async () => {
      if (!this.#recognised) await this.#recognise(true);
      return call();
    });
  }

  async #inTime<T>(doing: string, call: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(registryUnreachable(this.#shown, doing, `no answer within ${limitMs / 1000} s`)), limitMs);
    try {
      return await Promise.race([call(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #judged(error: unknown, doing: string): OfftakeError {
    return registryError(error, this.#shown, doing);
  }
}

/** Undefined for what is not JSON. */
async function bodyOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isSubjectNotFound(error: unknown): boolean {
  return error instanceof RegistryAnswer && error.errorCode === subjectNotFound;
}

/** "Forbidden" as a registry says it, and not a proxy in front of it. */
function isOwnRefusal(error: unknown): boolean {
  return error instanceof RegistryAnswer && error.status === 403 && error.errorCode !== undefined;
}

function hostAndAuth(url: Secret): { host: string; auth?: { username: string; password: string } } {
  const parsed = new URL(url.reveal());
  const auth = { username: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password) };
  parsed.username = "";
  parsed.password = "";
  const host = parsed.href.replace(/\/+$/, "");
  return auth.username === "" ? { host } : { host, auth };
}

/** The client refuses to register under another level than the one it was told, and names the subject's level in its message. */
function configuredLevel(error: unknown): COMPATIBILITY | undefined {
  const level = /\([A-Z_]+ != ([A-Z_]+)\)/.exec(messageOf(error))?.[1];
  return Object.values(COMPATIBILITY).find((known) => known === level);
}

/** Somebody else has set the level of a subject that was new: there is one now, whoever's. */
function isLevelTaken(error: unknown): boolean {
  return statusOf(error) === 409 && /^put .*\/config\//.test(error instanceof Error && "url" in error ? String(error.url) : "");
}
