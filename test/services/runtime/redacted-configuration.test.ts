import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { redactedConfiguration } from "../../../services/runtime/redacted-configuration.ts";
import { changed, env, read, sample } from "./sample-configuration.ts";

test("prints every default in the words of offtake.yaml", () => {
  expect(redactedConfiguration(read(sample))).toBe(`mode: development
source:
  url: postgres://offtake@monolith:5432/shop
  maxRetainedWal: 10GiB
kafka:
  brokers:
    - 127.0.0.1:19092
  topicPrefix: offtake
  replicationFactor: 1
  maxEvent: 64MiB
registry:
  url: http://127.0.0.1:18081/apis/ccompat/v7
control:
  url: postgres://offtake@control/offtake
http:
  host: 127.0.0.1
  port: 8086
  apiKeys: []
background:
  validateEvery: 30m
  healthEvery: 5m
notifications:
  webhooks: []
connectors:
  trading-engine:
    service: trading-engine
    publication: trading_engine_pub
    slot: offtake_trading_engine
    failover: false
    heartbeat:
      every: 10s
  api:
    service: api
    publication: api_pub
    slot: offtake_api
    failover: false
    heartbeat:
      every: 10s
services:
  trading-engine:
    target:
      url: postgres://offtake@trading/trading
      schema: public
    tables:
      - trades
      - positions
    apply:
      synchronousCommit: off
      batchRows: 5000
      batchBytes: 1MiB
    snapshot:
      connections: 2
    deadLetterTopic: false
  api:
    target:
      url: postgresql://offtake@api/api
      schema: public
    tables:
      - users
    apply:
      synchronousCommit: off
      batchRows: 5000
      batchBytes: 1MiB
    snapshot:
      connections: 2
    deadLetterTopic: false
`);
});

test("what it prints is a configuration again, and prints the same", () => {
  const folder = mkdtempSync(join(tmpdir(), "offtake-print-"));
  try {
    writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    const text = changed(
      [
        "[127.0.0.1:19092]",
        "[a:1, b:2]\n  tls: { ca: file:ca.pem, serverName: kafka }\n  sasl: { mechanism: scram-sha-256, username: me, password: pw }\n  maxEvent: 1500KiB",
      ],
      ["[trades, positions]", '["ai_*", \'"a.b"\', "yes", "404"]\n    apply: { synchronousCommit: on }'],
    );
    const printed = redactedConfiguration(read(text, env, join(folder, "offtake.yaml")));
    expect(printed).toContain('password: "[redacted]"');
    expect(printed).toContain("-----BEGIN CERTIFICATE-----");
    expect(redactedConfiguration(read(printed, {}))).toBe(printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
