import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changed, env, faultsOf, read, sample } from "./sample-configuration.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "offtake-secrets-"));
  writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  writeFileSync(join(folder, "key.pem"), "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n");
  writeFileSync(join(folder, "empty"), "\n");
  writeFileSync(join(folder, "two-newlines"), "secret\r\n\r\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const source = (url: string) => changed(["url: env:SOURCE", `url: ${url}`]);

describe("references", () => {
  test.each([
    ["env:NOT_SET", "the environment variable NOT_SET is not set"],
    ["env:EMPTY", "the environment variable EMPTY is empty"],
    ["'env:'", "env: needs the name of an environment variable, such as env:OFFTAKE_SOURCE_URL"],
    ["env:with-hyphen", "env: needs the name of an environment variable, such as env:OFFTAKE_SOURCE_URL"],
    ["file:/nowhere/at/all", "the file /nowhere/at/all does not exist"],
    ["file:/", "the file / is a folder"],
  ])("%s", (reference, fault) => {
    expect(faultsOf(source(reference), { ...env, EMPTY: "" }).faults).toEqual([`3:8: source.url: ${fault}`]);
  });

  test("each that cannot be resolved is a fault at its place", () => {
    expect(faultsOf(sample, {}).faults).toEqual([
      "3:8: source.url: the environment variable SOURCE is not set",
      "9:20: services.trading-engine.target.url: the environment variable TRADING is not set",
      "13:12: services.api.target.url: the environment variable API is not set",
      "16:17: control.url: the environment variable CONTROL is not set",
    ]);
  });

  test("an empty file", () => {
    expect(faultsOf(source(`file:${folder}/empty`)).faults).toEqual([`3:8: source.url: the file ${folder}/empty is empty`]);
  });

  test("of the newlines at the end of a file one is not part of the secret", () => {
    const text = changed(["  brokers:", `  sasl: { mechanism: plain, username: me, password: "file:${folder}/two-newlines" }\n  brokers:`]);
    expect(read(text).kafka.sasl?.password?.reveal()).toBe("secret\r\n");
  });

  test("the value itself will do in development", () => {
    expect(read(source("postgres://me:pw@host/db")).source.url.reveal()).toBe("postgres://me:pw@host/db");
  });
});

describe("URLs", () => {
  const expected = "expected a URL such as postgres://user@host:port/database";

  test.each([
    ["localhost:5432", expected],
    ["http://me@host/db", expected],
    ["host=localhost dbname=shop", `${expected}; in a password the characters : / ? # @ % are written as %3A %2F %3F %23 %40 %25`],
    ["postgres://me:pa/ss@host/db", `${expected}; in a password the characters : / ? # @ % are written as %3A %2F %3F %23 %40 %25`],
    ["postgres://me@host:5432", `${expected}, found none with a database`],
    ["postgres://me@host:5432/", `${expected}, found none with a database`],
    ["postgres:///shop", `${expected}, found none with a host`],
    ["postgres://me@one,two/shop", `${expected}, found several hosts: give the primary's`],
    ["postgres://me@host/shop/", `${expected}, found a slash behind the database`],
    [
      "postgres://me@host/a%2Fb",
      `${expected}, found a database with / ? or # in its name, which no URL can have here: give the database another name`,
    ],
    ["postgres://me@host/a%3bb", `${expected}, found one of ; : @ & = + $ , in the database's name written with a %: write it as it is`],
    ["postgres://me@host/shop?sslmode=on", "expected sslmode=verify-full, no-verify or disable in the URL, found another value"],
    ["postgres://me@host/shop?sslmode=verify-full&sslmode=disable", "expected one sslmode in the URL, found several"],
    ["postgres://me@host/shop?sslrootcert=/nowhere/ca.pem", "sslrootcert: the file /nowhere/ca.pem does not exist"],
  ])("%s for the source", (url, fault) => expect(faultsOf(sample, { ...env, SOURCE: url }).faults).toEqual([`3:8: source.url: ${fault}`]));

  test.each([
    "postgres://me@host/db",
    "postgresql://host:1/db",
    "postgres://me:p%40ss@[::1]:5432/db?sslmode=disable",
    "postgres:///db?host=/run/postgresql",
  ])("%s will do", (url) => expect(read(sample, { ...env, SOURCE: url }).source.url.reveal()).toBe(url));

  test.each(["postgres://registry", "registry:8081", "not a URL"])("%s for the registry", (url) => {
    expect(faultsOf(changed(["http://127.0.0.1:18081/apis/ccompat/v7", url])).faults).toEqual([
      "6:18: registry.url: expected a URL such as http://host:port/path",
    ]);
  });

  test.each(["http://registry/?verbose=1", "http://registry/#top"])("%s for the registry", (url) => {
    expect(faultsOf(changed(["http://127.0.0.1:18081/apis/ccompat/v7", `"${url}"`])).faults).toEqual([
      "6:18: registry.url: expected a URL such as http://host:port/path, found one with ? or #",
    ]);
  });
});

const tls = (text: string) => changed(["  brokers:", `  tls: { ${text} }\n  brokers:`]);

describe("TLS to Kafka", () => {
  test("certificates are read from their files, and the key is a secret", () => {
    const { kafka } = read(
      tls("ca: file:ca.pem, cert: file:ca.pem, key: file:key.pem, serverName: kafka.internal"),
      env,
      join(folder, "offtake.yaml"),
    );
    expect(kafka.tls).toMatchObject({ ca: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", serverName: "kafka.internal" });
    expect(kafka.tls?.key?.reveal()).toContain("MHcC");
    expect(JSON.stringify(kafka)).not.toContain("MHcC");
  });

  test("{} trusts the system's", () => expect(read(tls("")).kafka.tls).toEqual({}));

  test.each<[string, string[]]>([
    ["ca: certificates.pem", ["5:14: kafka.tls.ca: expected PEM certificates (-----BEGIN CERTIFICATE-----), as file:path"]],
    [
      "cert: env:SOURCE, key: env:SOURCE",
      [
        "5:16: kafka.tls.cert: expected PEM certificates (-----BEGIN CERTIFICATE-----), as file:path",
        "5:33: kafka.tls.key: expected a private key in PEM (-----BEGIN PRIVATE KEY-----), as file:path",
      ],
    ],
    ["cert: env:CERT", ["5:10: kafka.tls.cert needs `key` beside it"]],
    ["key: env:KEY", ["5:10: kafka.tls.key needs `cert` beside it"]],
    ["cert: 5, key: env:KEY", ["5:16: kafka.tls.cert: expected file:path of a PEM certificate, found the number 5; in quotes it is a text"]],
  ])("%s", (text, faults) => {
    const variables = { ...env, CERT: "-----BEGIN CERTIFICATE-----", KEY: "-----BEGIN PRIVATE KEY-----" };
    expect(faultsOf(tls(text), variables).faults).toEqual(faults);
  });
});

describe("production", () => {
  const production = changed(
    ["mode: development", "mode: production"],
    ["http://127.0.0.1:18081/apis/ccompat/v7", "env:REGISTRY"],
    ["  brokers:", "  tls: {}\n  brokers:"],
  );
  const safe = {
    SOURCE: `${env.SOURCE}?sslmode=verify-full`,
    TRADING: `${env.TRADING}?sslmode=verify-ca`,
    API: env.API,
    CONTROL: `${env.CONTROL}?sslmode=require`,
    REGISTRY: "https://me:hidden@registry.internal",
  };

  test("with TLS everywhere, three replicas by default and secrets as references", () => {
    expect(read(production, safe)).toMatchObject({ mode: "production", kafka: { replicationFactor: 3, tls: {} } });
    expect(faultsOf(production.replace("  brokers:", "  replicationFactor: 5\n  brokers:"), safe).code).toBe("");
  });

  test("certificates are no secrets, and may stand in the file", () => {
    const text = production.replace("tls: {}", 'tls: { ca: "-----BEGIN CERTIFICATE-----" }');
    expect(read(text, safe).kafka.tls).toEqual({ ca: "-----BEGIN CERTIFICATE-----" });
  });

  test.each<[string, string, NodeJS.ProcessEnv, string[]]>([
    [
      "no sslmode, or one that may go without TLS",
      production,
      { ...safe, SOURCE: env.SOURCE, TRADING: `${env.TRADING}?sslmode=prefer`, API: `${env.TRADING}?sslmode=maybe`, CONTROL: env.CONTROL },
      [
        "3:8: source.url: expected sslmode=verify-full (or verify-ca, require) in the URL in mode: production, found none",
        "10:20: services.trading-engine.target.url: expected sslmode=verify-full (or verify-ca, require) in the URL in mode: production, found prefer",
        "14:12: services.api.target.url: expected sslmode=verify-full (or verify-ca, require) in the URL in mode: production, found another value",
        "17:17: control.url: expected sslmode=verify-full (or verify-ca, require) in the URL in mode: production, found none",
      ],
    ],
    [
      "a URL with which the client believes any certificate",
      production,
      { ...safe, SOURCE: `${env.SOURCE}?sslmode=require&uselibpqcompat=true` },
      ["3:8: source.url: expected no uselibpqcompat in the URL in mode: production: with it sslmode=require believes any certificate"],
    ],
    [
      "an environment with which every client does",
      production,
      { ...safe, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      ["1:7: NODE_TLS_REJECT_UNAUTHORIZED=0 is set, with which any certificate is believed: unset it in mode: production"],
    ],
    [
      "Kafka without TLS",
      production.replace("  tls: {}\n", ""),
      safe,
      ["4:1: kafka: expected `tls` in mode: production; {} trusts the system's certificates"],
    ],
    [
      "TLS to Kafka that is at fault is told once",
      production.replace("tls: {}", "tls: true"),
      safe,
      ["5:8: kafka.tls: expected a mapping; {} for TLS with the system's certificates, found true"],
    ],
    [
      "a registry without TLS",
      production,
      { ...safe, REGISTRY: "http://registry.internal" },
      ["7:18: registry.url: expected https in mode: production, found http"],
    ],
    [
      "too few replicas",
      production.replace("  brokers:", "  replicationFactor: 2\n  brokers:"),
      safe,
      ["6:22: kafka.replicationFactor: expected at least 3 in mode: production, found the number 2"],
    ],
    [
      "the values themselves",
      production
        .replace("env:SOURCE", `"${safe.SOURCE}"`)
        .replace("  brokers:", "  sasl: { mechanism: plain, username: me, password: topsecret }\n  brokers:"),
      safe,
      [
        "3:8: source.url: expected env:NAME or file:path in mode: production, found the value itself",
        "6:53: kafka.sasl.password: expected env:NAME or file:path in mode: production, found the value itself",
      ],
    ],
  ])("%s", (_, text, variables, faults) => expect(faultsOf(text, variables)).toEqual({ code: "CONFIG_INVALID", faults }));
});
