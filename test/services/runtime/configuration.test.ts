import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfiguration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { changed, env, faultsOf, read, sample } from "./sample-configuration.ts";

const withSasl = (sasl: string) => read(changed(["[127.0.0.1:19092]", `[127.0.0.1:19092]\n  sasl: ${sasl}`])).kafka.sasl;

describe("a valid file", () => {
  test("gets every default", () => {
    const configuration = read(sample);
    expect(configuration).toMatchObject({
      file: "offtake.yaml",
      mode: "development",
      source: { maxRetainedWalBytes: 10 * 1024 ** 3 },
      kafka: { brokers: ["127.0.0.1:19092"], topicPrefix: "offtake", replicationFactor: 1, maxEventBytes: 64 * 1024 ** 2 },
      http: { host: "127.0.0.1", port: 8086 },
      connectors: [
        {
          name: "trading-engine",
          publication: "trading_engine_pub",
          slot: "offtake_trading_engine",
          service: "trading-engine",
          failover: false,
          heartbeatEveryMs: 10_000,
        },
        { name: "api", publication: "api_pub", slot: "offtake_api", service: "api", failover: false, heartbeatEveryMs: 10_000 },
      ],
      services: [
        {
          name: "trading-engine",
          topic: "offtake.trading-engine",
          target: { schema: "public" },
          tables: [
            { pattern: "trades", schema: "public", table: "trades" },
            { pattern: "positions", schema: "public", table: "positions" },
          ],
          apply: { synchronousCommit: false, batchRows: 5000, batchBytes: 1024 ** 2 },
        },
        { name: "api", topic: "offtake.api", tables: [{ pattern: "users", schema: "public", table: "users" }] },
      ],
    });
    expect(Object.keys(configuration.kafka)).not.toContain("tls");
    expect(Object.keys(configuration.kafka)).not.toContain("sasl");
  });

  test("has what is said of the copies of a service's tables", () => {
    const { services } = read(
      changed([
        "[trades, positions]",
        "[trades, positions]\n    snapshot: { connections: 4, maxRowsPerSecond: 5000, maxBytesPerSecond: 2MiB, maxActiveSessions: 0 }",
      ]),
    );
    expect(services.map(({ snapshot }) => snapshot)).toEqual([
      { connections: 4, maxRowsPerSecond: 5000, maxBytesPerSecond: 2 << 20, maxActiveSessions: 0 },
      { connections: 2 },
    ]);
  });

  test("gets the values behind its references", () => {
    const { source, registry, services } = read(sample);
    expect([source.url, registry.url, ...services.map(({ target }) => target.url)].map((secret) => secret.reveal())).toEqual([
      env.SOURCE,
      "http://127.0.0.1:18081/apis/ccompat/v7",
      env.TRADING,
      env.API,
    ]);
  });

  test("keeps what it says", () => {
    const configuration = read(
      changed(
        ["  url: env:SOURCE", "  url: env:SOURCE\n  maxRetainedWal: 64MiB"],
        ["brokers: [127.0.0.1:19092]", 'brokers: [a:9092, "[::1]:9093"]\n  topicPrefix: shop.v1\n  replicationFactor: 2\n  maxEvent: 1MiB'],
        [
          "services:",
          "http: { host: 0.0.0.0, port: 0 }\nconnectors:\n  all:\n    service: api\n    slot: mine\n    publication: Mine\n    failover: true\n    heartbeat: { every: 250ms }\n  other: { service: trading-engine }\nservices:",
        ],
        ["    tables: [trades, positions]", "    tables: ['\"a.b\"', ai_*]\n    apply: { synchronousCommit: on, batchRows: 1, batchBytes: 64KiB }"],
        ["      users:", "      users: { poison: stop, ddl: stop, conflict: { strategy: source-wins } }"],
      ),
    );
    expect(configuration).toMatchObject({
      source: { maxRetainedWalBytes: 64 * 1024 ** 2 },
      kafka: { brokers: ["a:9092", "[::1]:9093"], topicPrefix: "shop.v1", replicationFactor: 2, maxEventBytes: 1024 ** 2 },
      http: { host: "0.0.0.0", port: 0 },
      connectors: [
        { name: "all", service: "api", slot: "mine", publication: "Mine", failover: true, heartbeatEveryMs: 250 },
        {
          name: "other",
          service: "trading-engine",
          slot: "offtake_trading_engine",
          publication: "trading_engine_pub",
          failover: false,
          heartbeatEveryMs: 10_000,
        },
      ],
      services: [
        {
          topic: "shop.v1.trading-engine",
          tables: [
            { pattern: '"a.b"', schema: "public", table: "a.b" },
            { pattern: "ai_*", table: "ai_*" },
          ],
          apply: { synchronousCommit: true, batchRows: 1, batchBytes: 65_536 },
        },
        { tables: [{ pattern: "users" }] },
      ],
    });
  });

  test.each(["on", "true"])("synchronousCommit: %s is on", (value) => {
    expect(read(changed(["[trades, positions]", `[trades]\n    apply: { synchronousCommit: ${value} }`])).services[0]?.apply.synchronousCommit).toBe(
      true,
    );
  });

  test.each(["off", "false"])("synchronousCommit: %s is off", (value) => {
    expect(read(changed(["[trades, positions]", `[trades]\n    apply: { synchronousCommit: ${value} }`])).services[0]?.apply.synchronousCommit).toBe(
      false,
    );
  });

  test("logs in to Kafka", () => {
    const scram = withSasl("{ mechanism: scram-sha-512, username: me, password: env:SOURCE }");
    expect(scram).toEqual({ mechanism: "scram-sha-512", username: "me", password: expect.any(Secret) });
    expect(scram?.password?.reveal()).toBe(env.SOURCE);
    const bearer = withSasl("{ mechanism: oauthbearer, token: abc }");
    expect(bearer).toEqual({ mechanism: "oauthbearer", token: expect.any(Secret) });
    expect(bearer?.token?.reveal()).toBe("abc");
  });

  test.each([
    ["comments and blank lines", (text: string) => text.replaceAll("\n", "\n\n# a comment\n")],
    ["Windows line ends", (text: string) => text.replaceAll("\n", "\r\n")],
    ["a byte order mark", (text: string) => `\uFEFF${text}`],
    ["a document start", (text: string) => `---\n${text}`],
  ])("may have %s", (_, change) => expect(read(change(sample)).services).toHaveLength(2));
});

describe("the mistakes that users make", () => {
  test.each<[string, string, string[]]>([
    ["a tab", changed(["  url: env:SOURCE", "\turl: env:SOURCE"]), ["3:1: a tab at the start of the line: YAML is indented with spaces"]],
    [
      "a wrong indentation",
      changed(["  brokers:", "   topicPrefix: x\n  brokers:"]),
      ["6:1: the indentation fits no line above: keys of one mapping start in the same column"],
    ],
    [
      "an indentation that is another meaning",
      changed(["    tables: [trades, positions]\n", "  tables: [trades, positions]\n"]),
      [
        "8:3: missing key `services.trading-engine.tables`: expected a list of tables and patterns, or a mapping from them to their options",
        "10:3: services.tables: expected a mapping with `target` and `tables`, found a list",
      ],
    ],
    ["a quote that is not closed", changed(["url: env:SOURCE", "url: 'env:SOURCE"]), ["3:8: this quote is not closed"]],
    [
      "a double quote that another one seems to close",
      changed(["url: env:SOURCE", 'url: "env:SOURCE'], ["[trades,", '["trades",']),
      ["3:8: this quote is not closed"],
    ],
    [
      "a bracket that is not closed",
      changed(["[trades, positions]", "[trades, positions"]),
      ["11:3: a [ or { was opened above and not closed before this line"],
    ],
    [
      "no space after a colon",
      changed(["  url: env:SOURCE", "  url:env:SOURCE"]),
      ["3:3: source: expected a mapping with `url`, found a text; a space is missing after the colon"],
    ],
    [
      "no space after a colon in { }",
      changed(["{ url: env:TRADING }", "{ url:env:TRADING }"]),
      [
        "9:5: missing key `services.trading-engine.target.url`: expected env:NAME or file:path",
        "9:15: unknown key `url:…` in services.trading-engine.target: a space is missing after the colon",
      ],
    ],
    [
      "no space after a colon among other keys",
      changed(["  brokers: [127.0.0.1:19092]", "  topicPrefix:x\n  brokers: [127.0.0.1:19092]"]),
      ["5:3: not `key: value`: a colon and a space follow a key, on its line, and a text with a colon and a space in it stands in quotes"],
    ],
    [
      "tables as a text",
      changed(["[trades, positions]", "trades"]),
      [
        '10:13: services.trading-engine.tables: expected a list of tables and patterns, or a mapping from them to their options, found the text "trades"',
      ],
    ],
    [
      "tables as a number",
      changed(["[trades, positions]", "7"]),
      ["10:13: services.trading-engine.tables: expected a list of tables and patterns, or a mapping from them to their options, found the number 7"],
    ],
    [
      "no tables",
      changed(["[trades, positions]", "[]"]),
      ["10:5: services.trading-engine.tables: expected at least one table or pattern, found an empty list"],
    ],
    [
      "no tables, as a mapping",
      changed(["[trades, positions]", "{}"]),
      ["10:5: services.trading-engine.tables: expected at least one table or pattern, found an empty mapping"],
    ],
    [
      "a table that is a number",
      changed(["[trades, positions]", "[trades, 2024]"]),
      ["10:22: services.trading-engine.tables[1]: expected a table or pattern, found the number 2024; in quotes it is a text"],
    ],
    [
      "a pattern that YAML takes for an alias",
      changed(["[trades, positions]", "[trades, *_log]"]),
      ["10:22: an alias (*name): write the value out; a text that starts with * stands in quotes"],
    ],
    ["a bare star", changed(["[trades, positions]", "[*]"]), ["10:14: a text that starts with * stands in quotes"]],
    [
      "a number where a text is expected",
      changed(["  brokers:", "  topicPrefix: 2024\n  brokers:"]),
      [
        "5:16: kafka.topicPrefix: expected a name of letters, digits, hyphens, underscores and dots, as Kafka takes them for topics, found the number 2024; in quotes it is a text",
      ],
    ],
    [
      "a text where a number is expected",
      changed(["services:", "http: { port: '8086' }\nservices:"]),
      ['7:15: http.port: expected a whole number from 0 to 65535, found the text "8086"'],
    ],
    [
      "a fraction",
      changed(["services:", "http: { port: 80.5 }\nservices:"]),
      ["7:15: http.port: expected a whole number from 0 to 65535, found the number 80.5"],
    ],
    [
      "a size in decimal units",
      changed(["  brokers:", "  maxEvent: 64MB\n  brokers:"]),
      ['5:13: kafka.maxEvent: expected a size from 64KiB to 96MiB, such as 64KiB, 10MiB or 10GiB, found the text "64MB"'],
    ],
    [
      "a size beyond its limits",
      changed(["  brokers:", "  maxEvent: 2GiB\n  brokers:"]),
      ['5:13: kafka.maxEvent: expected a size from 64KiB to 96MiB, such as 64KiB, 10MiB or 10GiB, found the text "2GiB"'],
    ],
    [
      "a size without a unit",
      changed(["  brokers:", "  maxEvent: 100000\n  brokers:"]),
      ["5:13: kafka.maxEvent: expected a size from 64KiB to 96MiB, such as 64KiB, 10MiB or 10GiB, found the number 100000; in quotes it is a text"],
    ],
    [
      "brokers as a text",
      changed(["[127.0.0.1:19092]", "127.0.0.1:19092"]),
      ['5:12: kafka.brokers: expected a list of host:port, found the text "127.0.0.1:19092"'],
    ],
    [
      "a broker without a port",
      changed(["127.0.0.1:19092", "localhost"]),
      ['5:13: kafka.brokers[0]: expected host:port, found the text "localhost"'],
    ],
    ["a wrong mode", changed(["mode: development", "mode: prod"]), ['1:7: mode: expected development or production, found the text "prod"']],
    ["no mode", changed(["mode: development\n", ""]), ["1:1: missing key `mode`: expected development or production"]],
    ["a mapping left empty", changed(["source:\n  url: env:SOURCE", "source:"]), ["2:1: source: expected a mapping with `url`, found nothing"]],
    ["the same service twice", changed(["  api:", "  trading-engine:"]), ["11:3: the key `trading-engine` is here twice: first in line 8"]],
    [
      "the same key twice",
      changed(["  url: env:SOURCE", "  url: env:SOURCE\n  url: env:API"]),
      ["4:3: the key `url` is here twice: first in line 3"],
    ],
    ["a key that is a number", changed(["  api:", "  404:"]), ["11:3: a key that is not a text: put it in quotes"]],
    [
      "a template that nobody filled in",
      changed(["{ url: env:TRADING }", "{{ target }}"]),
      ["9:5: missing key `services.trading-engine.target.url`: expected env:NAME or file:path", "9:14: a key that is not a text: put it in quotes"],
    ],
    [
      "an anchor",
      changed(["tables: [trades", "tables: &all [trades"]),
      ["10:18: an anchor (&name): write the value out where it is needed; a text that starts with & stands in quotes"],
    ],
    ["a second document", `${sample}---\nmode: development\n`, ["17:1: a second document starts here (---): the configuration is one"]],
    [
      "a misspelled key",
      changed(["    tables: [", "    tabels: ["]),
      ["10:5: unknown key `tabels` in services.trading-engine: did you mean `tables`?"],
    ],
    ["a misspelled key at the top", changed(["registry:", "regsitry:"]), ["6:1: unknown key `regsitry`: did you mean `registry`?"]],
    [
      "a key in the wrong place",
      changed(["  url: env:SOURCE", "  url: env:SOURCE\n  slot: mine"]),
      ["4:3: unknown key `slot` in source: it belongs in `connectors.<name>`; is the indentation right?"],
    ],
    [
      "a key that belongs at the top",
      changed(["  url: env:SOURCE", "  url: env:SOURCE\n  mode: development"]),
      ["4:3: unknown key `mode` in source: it belongs at the top; is the indentation right?"],
    ],
    [
      "a key of nowhere",
      changed(["  url: env:SOURCE", "  url: env:SOURCE\n  colour: red"]),
      ["4:3: unknown key `colour` in source: known here are `url`, `maxRetainedWal`"],
    ],
    ["a key of JavaScript", changed(["  url: env:SOURCE", "  url: env:SOURCE\n  __proto__: { x: 1 }"]), ["4:3: the key `__proto__` cannot be used"]],
    ["a service of JavaScript", changed(["  api:", "  __proto__:"]), ["11:3: the key `__proto__` cannot be used"]],
    [
      "no services",
      `${sample.slice(0, sample.indexOf("services:"))}services: {}\ncontrol: { url: env:CONTROL }\n`,
      ["7:1: services: expected at least one service, found an empty mapping"],
    ],
    [
      "sasl of an unknown kind",
      changed(["  brokers:", "  sasl: { mechanism: kerberos }\n  brokers:"]),
      ['5:22: kafka.sasl.mechanism: expected plain, scram-sha-256, scram-sha-512 or oauthbearer, found the text "kerberos"'],
    ],
    ["sasl as a text", changed(["  brokers:", "  sasl: plain\n  brokers:"]), ["5:9: kafka.sasl: expected a mapping with `mechanism`, found a text"]],
    [
      "a password that YAML takes for a number, which is not shown",
      changed(["  brokers:", "  sasl: { mechanism: plain, username: me, password: 271828 }\n  brokers:"]),
      ["5:53: kafka.sasl.password: expected env:NAME or file:path, found a number; in quotes it is a text"],
    ],
    [
      "an option of a table in the wrong place",
      changed(["[trades, positions]", "[trades, positions]\n    poison: stop"]),
      ["11:5: unknown key `poison` in services.trading-engine: it belongs in `services.<name>.tables.<name>`; is the indentation right?"],
    ],
    ["nesting without end", "[".repeat(100_000), [expect.stringMatching(/^1:\d+: nested too deep$/)]],
    [
      "sasl without a password",
      changed(["  brokers:", "  sasl: { mechanism: plain, username: me }\n  brokers:"]),
      ["5:3: missing key `kafka.sasl.password`: expected env:NAME or file:path"],
    ],
  ])("%s", (_, text, faults) => expect(faultsOf(text)).toEqual({ code: "CONFIG_INVALID", faults }));

  test.each([
    ["empty", "", "nothing"],
    ["only comments", "# source:\n", "nothing"],
    ["a list", "- mode: development\n", "a list"],
    ["a text", "offtake\n", "a text"],
  ])("a file that is %s", (_, text, found) => {
    const expected = `1:1: the file: expected a mapping with \`mode\`, \`source\`, \`kafka\`, \`registry\`, \`control\` and \`services\`, found ${found}`;
    expect(faultsOf(text)).toEqual({ code: "CONFIG_INVALID", faults: [expected] });
  });
});

test("every fault of every kind is listed at once, in the order of the file", () => {
  const text = changed(
    ["env:SOURCE", "env:NOT_SET"],
    ["brokers: [127.0.0.1:19092]", "brokers: [nowhere]\n  tls: { ca: file:no-such.pem }"],
    ["    tables: [trades, positions]", "    tabels: [trades]\n    values: debezium"],
    ["  api:", "  api:\n    apply: { batchRows: 0 }"],
    ["      users:", "      users:\n      users:\n      trades.x.y:"],
  );
  const { code, faults } = faultsOf(text);
  expect(code).toBe("CONFIG_INVALID");
  expect(faults).toEqual([
    "3:8: source.url: the environment variable NOT_SET is not set",
    '5:13: kafka.brokers[0]: expected host:port, found the text "nowhere"',
    expect.stringMatching(/^6:14: kafka\.tls\.ca: the file .*no-such\.pem does not exist$/),
    "11:5: unknown key `tabels` in services.trading-engine: did you mean `tables`?",
    "12:5: `values` in services.trading-engine is not in this version: remove it",
    "14:25: services.api.apply.batchRows: expected a whole number from 1 to 1000000, found the number 0",
    "19:7: the key `users` is here twice: first in line 18",
    '20:7: services.api.tables."trades.x.y": expected table or schema.table, where a name with a dot stands in double quotes, found `trades.x.y`',
  ]);
});

test("a fault names its file as it was given", () => {
  expect(() => read("mode: x", env, "conf/my offtake.yaml")).toThrow("  conf/my offtake.yaml:1:7: mode: expected");
});

describe("files", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "offtake-configuration-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("are read, and say where they came from", () => {
    const file = join(folder, "offtake.yaml");
    writeFileSync(file, sample);
    expect(loadConfiguration(file, env)).toMatchObject({ file, mode: "development" });
  });

  test("one that does not exist", () => {
    const file = join(folder, "none.yaml");
    expect(() => loadConfiguration(file, env)).toThrow(
      expect.objectContaining({ code: "CONFIG_MISSING", message: `There is no configuration to read: the file ${file} does not exist.` }),
    );
  });

  test("a folder", () => {
    expect(() => loadConfiguration(folder, env)).toThrow(
      expect.objectContaining({ code: "CONFIG_MISSING", message: `There is no configuration to read: the file ${folder} is a folder.` }),
    );
  });

  test("one that is not text", () => {
    const file = join(folder, "latin1.yaml");
    writeFileSync(file, Buffer.from("mode: d\xe9velopment\n", "latin1"));
    expect(() => loadConfiguration(file, env)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: `The configuration ${file} is not text in UTF-8.` }),
    );
  });

  test("references to files are relative to the configuration, and lose one newline at the end", () => {
    mkdirSync(join(folder, "secrets"));
    writeFileSync(join(folder, "secrets", "source"), `${env.SOURCE}\n`);
    writeFileSync(join(folder, "secrets", "api"), `${env.API}\n`);
    writeFileSync(
      join(folder, "offtake.yaml"),
      changed(["env:SOURCE", "file:secrets/source"], ["env:API", `file:${join(folder, "secrets", "api")}`]),
    );
    const { source, services } = loadConfiguration(join(folder, "offtake.yaml"), env);
    expect(source.url.reveal()).toBe(env.SOURCE);
    expect(services[1]?.target.url.reveal()).toBe(env.API);
  });
});
