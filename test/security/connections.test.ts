/**
 * Where Offtake opens connections, as its sources say. What a place of this list does about TLS, tls.e2e.test.ts shows on real servers; a place that is not on it was
 * looked at by nobody. So whoever adds one, or a package that could, has to add it here, and there.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Of Node, what connects or starts what may; all others of Node do not. */
const connecting = /^node:(child_process|cluster|dgram|dns|http|http2|https|inspector|net|tls|worker_threads)(\/|$)/;

/** Packages that open no connection. */
const harmless = new Set(["@node-rs/crc32", "@preact/signals", "avsc", "commander", "pino", "preact", "preact/hooks", "prom-client", "yaml", "zod"]);

function isHarmless(name: string): boolean {
  if (name.startsWith("node:")) return !connecting.test(name);
  // It answers those who connect.
  return harmless.has(name) || name === "fastify" || name.startsWith("@fastify/");
}

/** What opens none of what is taken from those that do. */
const harmlessNames: Readonly<Record<string, RegExp>> = {
  pg: /^(escapeIdentifier|escapeLiteral|DatabaseError|Query)$/,
  "@platformatic/kafka":
    /^(fetchV13|produceV11|initProducerIdV4|Reader|Writer|\w+Error|findErrorBy|compressionsAlgorithms|ListOffsetTimestamps|ConfigResourceTypes|IncrementalAlterConfigOperationTypes)$/,
  "@kafkajs/confluent-schema-registry": /^(COMPATIBILITY|SchemaType)$/,
};

/** Values, not types, that a file takes from a module, as `pg.default`. */
function takenBy(source: string): string[] {
  return [...source.matchAll(/^import (?!type\b)(?:(\w+)(?:, )?)?(?:\{([^}]*)\})?(?:\* as \w+)? ?(?:from )?"([^."][^"]*)";/gms)].flatMap(
    ([, whole, names = "", from = ""]) => {
      const values = names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && !name.startsWith("type "));
      return [...(whole === undefined ? [] : ["default"]), ...values]
        .filter((name) => !isHarmless(from) && harmlessNames[from]?.test(name) !== true)
        .map((name) => `${from}: ${name}`);
    },
  );
}

/** What is at hand without an import. */
function globalsIn(source: string): string[] {
  return [...source.matchAll(/(?<![.#\w])(?:await |return |= )(fetch)\(|new (WebSocket|EventSource)\(/g)].map(
    ([, call, made]) => `global: ${call ?? made ?? ""}`,
  );
}

test("connections are opened in these places, and nowhere else", () => {
  const files = globSync("{connectors,schemas,services}/**/*.ts", { cwd: root }).toSorted();
  const found = files.flatMap((file) => {
    const source = readFileSync(`${root}/${file}`, "utf8");
    return [...takenBy(source), ...globalsIn(source)].map((opener) => `${file}: ${opener}`);
  });
  expect(found).toEqual([
    "connectors/kafka/broker-connection.ts: @platformatic/kafka: Connection",
    "connectors/kafka/cluster.ts: @platformatic/kafka: Admin",
    "connectors/kafka/registry.ts: @kafkajs/confluent-schema-registry: SchemaRegistry",
    "connectors/kafka/registry.ts: global: fetch",
    // The replication stream is one of these sessions, walked in place.
    "connectors/postgres/session.ts: node:net: Socket",
    "connectors/postgres/session.ts: pg: default",
    // In the browser: its Content-Security-Policy lets it ask where it came from, and nobody else.
    "services/control/dashboard/api-client.ts: global: fetch",
    // Of TLS the certificate is verified; where it leads is the user's own affair.
    "services/control/webhook.ts: global: fetch",
    // Listens.
    "services/runtime/health-server.ts: node:http: createServer",
  ]);
});

test("the search finds what it is for", () => {
  expect(takenBy('import { connect } from "node:net";\nimport pg, { type Client } from "pg";\nimport type { Socket } from "node:tls";')).toEqual([
    "node:net: connect",
    "pg: default",
  ]);
  expect(globalsIn("const answer = await fetch(url); await consumer.fetch(1); async #fetch() {}")).toEqual(["global: fetch"]);
});
