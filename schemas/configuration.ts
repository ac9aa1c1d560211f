/**
 * offtake.yaml: every key that this version knows, what it may hold, and its default. The one definition: types, checks and the JSON Schema for
 * editors come from it.
 *
 * A key that is accepted here and acted on nowhere is a promise broken in silence, so objects are strict, and keys of later versions are not
 * here (services/runtime/later-keys.ts refuses them by name). What needs more than one value to judge (names that refer to each other, what
 * `mode: production` asks for) is in services/runtime/configuration-*.ts.
 *
 * The message of each rule says what was expected, as the end of the sentence "expected …"; where it is, and what was found, is added later.
 */
import { z } from "zod";
import { duration, notEmpty, secret, size, text, wholeNumber } from "./configuration-values.ts";

/** Service, connector and prefix become parts of a Kafka topic or client name: what Kafka takes there. */
export const kafkaNamePattern = /^[A-Za-z0-9._-]{1,200}$/;
export const kafkaName = "a name of letters, digits, hyphens, underscores and dots, as Kafka takes them for topics";

export const defaultTopicPrefix = "offtake";

/** PostgreSQL's rule for a replication slot. */
export const slotPattern = /^[a-z0-9_]{1,63}$/;
export const slotName = "a slot name of lower-case letters, digits and underscores, at most 63, as PostgreSQL takes them";

const source = z
  .strictObject(
    {
      url: secret("The monolith: postgres://user@host:port/database, a role with REPLICATION."),
      maxRetainedWal: size("16MiB", "1024TiB")
        .prefault("10GiB")
        .describe("How much WAL each slot may hold back before the alarms are at their loudest."),
    },
    "a mapping with `url`",
  )
  .describe("The monolith that tables leave.");

const sasl = z
  .discriminatedUnion(
    "mechanism",
    [
      z.strictObject({
        mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).describe("The mechanism that the brokers offer."),
        username: text("a user name").describe("The user of Kafka that Offtake is."),
        password: secret("The password of this user."),
      }),
      z.strictObject({ mechanism: z.literal("oauthbearer").describe("The mechanism that the brokers offer."), token: secret("The bearer token.") }),
    ],
    {
      error: ({ code }: { readonly code?: string }) =>
        code === "invalid_type" ? "a mapping with `mechanism`" : "plain, scram-sha-256, scram-sha-512 or oauthbearer",
    },
  )
  .describe("How to log in to Kafka.");

const tls = z
  .strictObject(
    {
      ca: text("file:path of PEM certificates").optional().describe("Certificates to trust, as file:path of a PEM file. Without it the system's."),
      cert: text("file:path of a PEM certificate").optional().describe("Certificate of this client, as file:path of a PEM file; needs `key`."),
      key: secret("Private key of this client, PEM; needs `cert`.").optional(),
      serverName: text("a host name").optional().describe("Name that the brokers' certificate carries, where it is not the host's."),
    },
    "a mapping; {} for TLS with the system's certificates",
  )
  .describe("TLS to the brokers. {} trusts the system's certificates.");

const broker = z
  .string({ error: "host:port" })
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):([1-9][0-9]{0,4})$/, { error: "host:port", abort: true })
  .refine((address) => Number(address.slice(address.lastIndexOf(":") + 1)) <= 65_535, { error: "host:port with a port up to 65535" });

const kafka = z
  .strictObject(
    {
      brokers: z.array(broker, "a list of host:port").min(1, { error: "at least one host:port" }).describe("Where to ask for the cluster's brokers."),
      topicPrefix: z
        .string({ error: kafkaName })
        .regex(kafkaNamePattern, { error: kafkaName })
        .default(defaultTopicPrefix)
        .describe("A service's topic is <prefix>.<service>."),
      replicationFactor: wholeNumber(1, 32767)
        .optional()
        .describe("Of topics that `up` creates. 1 in development, 3 in production, where less is refused."),
      // A broker closes the connection of a larger request than socket.request.max.bytes, 100 MiB, and it would be sent again for ever: a batch needs room.
      maxEvent: size("64KiB", "96MiB").prefault("64MiB").describe("The largest event; a larger one stops its connector. `up` sets it on the topic."),
      tls: tls.optional(),
      sasl: sasl.optional(),
    },
    "a mapping with `brokers`",
  )
  .describe("The Kafka cluster.");

const registry = z
  .strictObject({ url: secret("Confluent API of the schema registry: http(s)://user:password@host:port/path.") }, "a mapping with `url`")
  .describe("The schema registry.");

const control = z
  .strictObject(
    { url: secret("Offtake's own database: postgres://user@host:port/database, a role that may create a schema in it.") },
    "a mapping with `url`",
  )
  .describe("The database in which Offtake keeps its own state: copies of tables. Not the monolith's.");

const apiKey = z.strictObject(
  {
    name: text("a name").describe("Who has it: the audit names them."),
    role: z
      .enum(["viewer", "operator", "admin"], { error: "viewer, operator or admin" })
      .describe("Viewers look, operators act, admins also drop events."),
    hash: z
      .string({ error: "a hash that `offtake config api-key` has made" })
      .regex(/^sha256:[0-9a-f]{64}$/, { error: "a hash that `offtake config api-key` has made" })
      .describe("Of the key, as `offtake config api-key` prints it."),
  },
  "a mapping with `name`, `role` and `hash`",
);

const http = z
  .strictObject(
    {
      host: text("a host name or address").default("127.0.0.1").describe("Address to listen on; 0.0.0.0 for all."),
      port: wholeNumber(0, 65535).default(8086).describe("Port to listen on; 0 takes a free one."),
      apiKeys: z
        .array(apiKey, "a list of keys")
        .refine((keys) => new Set(keys.map(({ name }) => name)).size === keys.length, { error: "keys of different names" })
        .default([])
        .describe("Who may ask the HTTP API. Without any it answers nobody."),
    },
    "a mapping with `host` and `port`",
  )
  .prefault({})
  .describe("Where /healthz, /readyz, /metrics and the HTTP API are served.");

const background = z
  .strictObject(
    {
      validateEvery: duration("1s", "24h").prefault("30m").describe("How often everything is looked at that `offtake check` looks at."),
      healthEvery: duration("1s", "24h").prefault("5m").describe("How often slots, connectors and appliers are looked at."),
    },
    "a mapping with `validateEvery` and `healthEvery`",
  )
  .prefault({})
  .describe("What `run control` does by itself.");

const webhook = z.strictObject(
  {
    name: text("a name").describe("For people, and to keep apart what each was told."),
    url: secret("Where it is told: http(s)://host/path."),
    format: z.enum(["json", "slack"], { error: "json or slack" }).default("json").describe("What is sent: docs/http-api.md; or what Slack takes."),
    coolDown: duration("1s", "24h").prefault("10m").describe("After something was over, how long it is not told of again."),
  },
  "a mapping with `name` and `url`",
);

const notifications = z
  .strictObject(
    {
      webhooks: z
        .array(webhook, "a list of webhooks")
        .refine((hooks) => new Set(hooks.map(({ name }) => name)).size === hooks.length, { error: "webhooks of different names" })
        .prefault([])
        .describe("Who is told what is not well, and when it is over."),
    },
    "a mapping with `webhooks`",
  )
  .prefault({})
  .describe("Whom the control process tells.");

/** Exported for the connectors that a file leaves to their defaults. */
export const connectorSchema = z
  .strictObject(
    {
      service: text("the name of a service").describe("The service whose tables this connector publishes."),
      publication: text("the name of a publication").optional().describe("PostgreSQL publication. Default: <service>_pub, hyphens as underscores."),
      slot: z
        .string({ error: slotName })
        .regex(slotPattern, { error: slotName })
        .optional()
        .describe("Replication slot. Default: offtake_<service>, hyphens as underscores."),
      failover: z
        .boolean({ error: "true or false" })
        .default(false)
        .describe(
          "Whether the slot outlives a failover of the monolith to a standby that synchronises it (PostgreSQL 17 and later; docs/mishaps.md).",
        ),
      heartbeat: z
        .strictObject(
          { every: duration("100ms", "1h").prefault("10s").describe("How long nothing may be published before a heartbeat is written.") },
          "a mapping with `every`",
        )
        .prefault({})
        .describe("Messages of ours in the WAL, which move a quiet slot on and measure latency."),
    },
    "a mapping with `service`",
  )
  .describe("One WAL reader: one publication, one slot, one service, one topic.");

/** Only what this version does: any other policy is refused by later-keys.ts. */
const tableOptions = z
  .strictObject(
    {
      target: text("a table, or schema.table")
        .optional()
        .describe("Its name at the target, in the service's target.schema where no schema is named."),
      columns: z
        .record(z.string(), text("the name of a column"), "a mapping from columns of the source to columns of the target")
        .optional()
        .describe("Columns that have another name at the target."),
      exclude: z
        .array(text("the name of a column"), "a list of columns")
        .optional()
        .describe("Columns that the target does not get. They are in the topic all the same."),
      conflict: z
        .strictObject({ strategy: z.literal("source-wins", { error: "source-wins" }).describe("Who wins.") }, "a mapping with `strategy`")
        .optional()
        .describe("What happens when the target's row is not what the source says it was."),
      poison: z
        .enum(["stop", "park"], { error: "stop or park" })
        .optional()
        .describe(
          "What happens to an event that the target refuses for its values or a constraint: the applier stops in front of its transaction (stop, the default), or puts it and all later events of its key aside (park) and goes on.",
        ),
      ddl: z
        .enum(["stop", "follow"], { error: "stop or follow" })
        .optional()
        .describe(
          "What happens when the source's table gets another shape: the applier stops until the target's is mended (stop, the default), or adds columns that were added (follow) and stops at anything else.",
        ),
      redact: z
        .array(text("the name of a column"), "a list of columns")
        .optional()
        .describe(
          "Columns, by the source's names, of which reports, history, audit and `dlq show` have a hash or nothing in place of their values. Not of the key. The topic and the target have them all the same.",
        ),
      reconcile: z
        .strictObject(
          {
            every: duration("1s", "8760h").describe("How long after the end of a pass the next one begins, more or less."),
            hash: z
              .enum(["representation", "value"], { error: "representation or value" })
              .default("representation")
              .describe(
                "What is compared: values as PostgreSQL prints them (representation), or as it takes them for equal (value), which costs less and does not tell 1.0 from 1.00 or 0 from -0.",
              ),
            maxLag: duration("1s", "8760h")
              .optional()
              .describe("How far the target may be behind the monolith before an alert is raised. Default: no limit."),
            maxMismatchRate: z
              .number({ error: "a number from 0 to 1" })
              .min(0, { error: "a number from 0 to 1" })
              .max(1, { error: "a number from 0 to 1" })
              .default(0)
              .describe("Which part of the rows may be wrong before an alert is raised."),
            level: z
              .enum(["basic", "detailed", "strict"], { error: "basic, detailed or strict" })
              .default("detailed")
              .describe("Which keys are there (basic), all values by hashes of ranges (detailed), or by the hash of every row (strict)."),
          },
          "a mapping with `every`",
        )
        .optional()
        .describe("How often `run reconciler` compares the table with the monolith's. Left out: never by itself."),
    },
    "a mapping of options, or nothing",
  )
  .nullable();

const tables = z
  .union(
    [
      z.array(text("a table or pattern")).min(1, { error: "at least one table or pattern" }),
      z.record(z.string(), tableOptions).refine(notEmpty, { error: "at least one table or pattern" }),
    ],
    {
      error: "a list of tables and patterns, or a mapping from them to their options",
    },
  )
  .describe('The tables this service owns: trades, audit.trades, or patterns such as "public.ai_*".');

const service = z
  .strictObject(
    {
      target: z
        .strictObject(
          {
            url: secret("The service's database: postgres://user@host:port/database."),
            schema: text("the name of a schema").default("public").describe("The schema that holds the tables at the target."),
          },
          "a mapping with `url`",
        )
        .describe("The database that the tables move to."),
      tables,
      apply: z
        .strictObject(
          {
            synchronousCommit: z
              .union([z.boolean(), z.enum(["on", "off"])], { error: "on or off" })
              .transform((value) => value === true || value === "on")
              .prefault("off")
              .describe("Whether each target transaction waits for the target's disk. Off loses nothing: after a crash the topic is read again."),
            batchRows: wholeNumber(1, 1_000_000)
              .default(5000)
              .describe("A batch of whole transactions ends after so many rows. A transaction of four times as many is applied in pieces."),
            batchBytes: size("64KiB", "1GiB").prefault("1MiB").describe("The same in bytes of events."),
          },
          "a mapping",
        )
        .prefault({})
        .describe("How changes are written to the target."),
      deadLetterTopic: z
        .boolean({ error: "true or false" })
        .default(false)
        .describe(
          "Whether events that are put aside (`poison: park`) are published to <topic>.dead-letters besides, each at least once and with headers that say why (docs/dead-letters.md).",
        ),
      snapshot: z
        .strictObject(
          {
            connections: wholeNumber(1, 64).default(2).describe("How many sessions of the monolith may read rows at a time."),
            maxRowsPerSecond: wholeNumber(1, 1_000_000_000)
              .optional()
              .describe("How many rows they may read a second, all together. Default: no limit."),
            maxBytesPerSecond: size("64KiB", "1TiB").optional().describe("The same in bytes, as the monolith prints the rows. Default: no limit."),
            maxActiveSessions: wholeNumber(0, 100_000)
              .optional()
              .describe(
                "No chunk is read while more sessions of other clients are active at the monolith: copies wait, and say so. Default: no limit, since what is much is another number on every machine.",
              ),
          },
          "a mapping",
        )
        .prefault({})
        .describe("How tables are copied that had rows before the stream."),
    },
    "a mapping with `target` and `tables`",
  )
  .describe("A new owner of some tables, and its database.");

/** Names are keys of the file, whose faults would hide those below them; so they are checked beside the schema, which only tells editors. */
const named = <T extends z.ZodType>(value: T, expected: string) =>
  z.record(z.string(), value, expected).meta({ propertyNames: { pattern: kafkaNamePattern.source } });

export const configurationSchema = z
  .strictObject(
    {
      mode: z
        .enum(["development", "production"], "development or production")
        .describe("Production requires TLS, three replicas and secrets as references."),
      source,
      kafka,
      registry,
      control,
      http,
      background,
      notifications,
      connectors: named(connectorSchema, "a mapping from connectors to their settings").optional().describe("Left out: one for each service."),
      services: named(service, "a mapping from services to their settings")
        .refine(notEmpty, { error: "at least one service" })
        .describe("The services, by name."),
    },
    "a mapping with `mode`, `source`, `kafka`, `registry`, `control` and `services`",
  )
  .meta({ title: "offtake.yaml", description: "Configuration of Offtake: one file describes one monolith." });

/** What a valid file says, with defaults and units resolved, and secrets still references. */
export type RawConfiguration = z.output<typeof configurationSchema>;

/** What a valid file says, as it is written. */
export type WrittenConfiguration = z.input<typeof configurationSchema>;

/** JSON Schema 2020-12 of offtake.yaml, for editors. */
export function configurationJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(configurationSchema, { target: "draft-2020-12", io: "input" });
}
