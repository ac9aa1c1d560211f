/**
 * What stands behind the references of offtake.yaml, and what `mode: production` asks for.
 *
 * A development setting that reaches production is seen by nobody until it matters: a password that crosses the network in clear, a topic with
 * one replica. So production is stated, and then everything it asks for is asked here, at start.
 *
 * Works on whatever part of the file is valid. Reads variables and files through `References`; messages never show a value.
 */
import { readFileSync } from "node:fs";
import type { WrittenConfiguration } from "../../schemas/configuration.ts";
import { pathText, type Fault, type Path } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";
import { isLiteral, type References } from "./references.ts";
import { unreadable } from "./unreadable-file.ts";

type Valid = Part<WrittenConfiguration>;

/** The least that production asks of a topic: two replicas are left when a broker is away, so writing goes on and nothing rests on one disk. */
export const productionReplicas = 3;

export function checkSecrets(valid: Valid, references: References, env: NodeJS.ProcessEnv): Fault[] {
  const production = valid.mode === "production";
  const faults = placesOf(valid).flatMap(({ path, text, rule }) => {
    if (typeof text !== "string") return [];
    const message = faultOf(text, rule, references, production);
    return message === undefined ? [] : [{ path, at: "value" as const, message: `${pathText(path)}: ${message}` }];
  });
  return [...faults, ...kafkaFaults(valid, production), ...(production ? credulity(env) : [])];
}

/** Node's own way to believe any certificate: it holds for every connection, whatever offtake.yaml says. */
function credulity(env: NodeJS.ProcessEnv): Fault[] {
  if (env["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0") return [];
  const message = "NODE_TLS_REJECT_UNAUTHORIZED=0 is set, with which any certificate is believed: unset it in mode: production";
  return [{ path: ["mode"], at: "value", message }];
}

/** Says what is wrong with a value, without showing it. */
type Rule = { readonly public?: boolean; readonly fault: (value: string, production: boolean) => string | undefined };

const database: Rule = { fault: databaseFault };
const registry: Rule = { fault: registryFault };
const webhook: Rule = {
  fault: (value, production) => {
    const protocol = URL.parse(value)?.protocol;
    if (protocol !== "http:" && protocol !== "https:") return "expected a URL such as https://host/path";
    return production && protocol === "http:" ? "expected https in mode: production, found http" : undefined;
  },
};
const password: Rule = { fault: () => undefined };
const certificate: Rule = {
  public: true,
  fault: (value) =>
    value.includes("-----BEGIN CERTIFICATE-----") ? undefined : "expected PEM certificates (-----BEGIN CERTIFICATE-----), as file:path",
};
const privateKey: Rule = {
  fault: (value) =>
    /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value) ? undefined : "expected a private key in PEM (-----BEGIN PRIVATE KEY-----), as file:path",
};

function placesOf({
  source,
  registry: schemaRegistry,
  control,
  kafka,
  notifications,
  services,
}: Valid): { path: Path; text: string | undefined; rule: Rule }[] {
  const sasl: Part<{ password?: string; token?: string }> = kafka?.sasl ?? {};
  return [
    { path: ["source", "url"], text: source?.url, rule: database },
    { path: ["registry", "url"], text: schemaRegistry?.url, rule: registry },
    { path: ["control", "url"], text: control?.url, rule: database },
    { path: ["kafka", "tls", "ca"], text: kafka?.tls?.ca, rule: certificate },
    { path: ["kafka", "tls", "cert"], text: kafka?.tls?.cert, rule: certificate },
    { path: ["kafka", "tls", "key"], text: kafka?.tls?.key, rule: privateKey },
    { path: ["kafka", "sasl", "password"], text: sasl.password, rule: password },
    { path: ["kafka", "sasl", "token"], text: sasl.token, rule: password },
    ...(notifications?.webhooks ?? []).map((each, index) => ({ path: ["notifications", "webhooks", index, "url"], text: each?.url, rule: webhook })),
    ...Object.entries(services ?? {}).map(([name, service]) => ({
      path: ["services", name, "target", "url"],
      text: service?.target?.url,
      rule: database,
    })),
  ];
}

function faultOf(text: string, rule: Rule, references: References, production: boolean): string | undefined {
  if (production && rule.public !== true && isLiteral(text)) return "expected env:NAME or file:path in mode: production, found the value itself";
  const resolved = references.resolve(text);
  return "fault" in resolved ? resolved.fault : rule.fault(resolved.secret.reveal(), production);
}

const encrypted = ["require", "verify-ca", "verify-full"];
const unencrypted = ["disable", "allow", "prefer"];
/** What the client takes without any of Offtake's requirements; it would take a slip for TLS. */
const known = ["disable", "prefer", "no-verify"];

/** What is wrong with the URL of a database, without a word of it; undefined where nothing is. */
export function databaseFault(value: string, production: boolean): string | undefined {
  const url = URL.parse(value);
  const expected = "expected a URL such as postgres://user@host:port/database";
  if (url === null) return `${expected}; in a password the characters : / ? # @ % are written as %3A %2F %3F %23 %40 %25`;
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") return expected;
  // A socket's folder is given as ?host=.
  if (url.hostname === "" && !url.searchParams.has("host")) return `${expected}, found none with a host`;
  if (url.hostname.includes(",")) return `${expected}, found several hosts: give the primary's`;
  if (url.pathname.length < 2) return `${expected}, found none with a database`;
  if (url.pathname.slice(1).includes("/")) return `${expected}, found a slash behind the database`;
  const name = databaseNameFault(url.pathname);
  if (name !== undefined) return `${expected}, found ${name}`;
  for (const key of ["sslrootcert", "sslcert", "sslkey"]) {
    const fault = fileFault(url.searchParams.get(key));
    if (fault !== undefined) return `${key}: ${fault}`;
  }
  // The client takes the last of them.
  if (url.searchParams.getAll("sslmode").length > 1) return "expected one sslmode in the URL, found several";
  if (production && url.searchParams.has("uselibpqcompat"))
    return "expected no uselibpqcompat in the URL in mode: production: with it sslmode=require believes any certificate";
  const sslmode = url.searchParams.get("sslmode");
  if (sslmode !== null && encrypted.includes(sslmode)) return undefined;
  if (!production)
    return sslmode === null || known.includes(sslmode)
      ? undefined
      : `expected sslmode=verify-full, no-verify or disable in the URL, found another value`;
  const found = sslmode === null ? "none" : unencrypted.includes(sslmode) ? sslmode : "another value";
  return `expected sslmode=verify-full (or verify-ca, require) in the URL in mode: production, found ${found}`;
}

/** The client decodes the database as a whole URI, in which these stay as they are: it would ask the server for another database, by a name with a % in it. */
function databaseNameFault(pathname: string): string | undefined {
  if (/%(2f|3f|23)/i.test(pathname)) return "a database with / ? or # in its name, which no URL can have here: give the database another name";
  if (/%(3b|3a|40|26|3d|2b|24|2c)/i.test(pathname)) return "one of ; : @ & = + $ , in the database's name written with a %: write it as it is";
  return undefined;
}

/** The client reads it when it connects, and what it throws then names no key. */
function fileFault(path: string | null): string | undefined {
  if (path === null) return undefined;
  try {
    readFileSync(path);
    return undefined;
  } catch (error) {
    return unreadable(path, error);
  }
}

function registryFault(value: string, production: boolean): string | undefined {
  const url = URL.parse(value);
  const protocol = url?.protocol;
  if (protocol !== "http:" && protocol !== "https:") return "expected a URL such as http://host:port/path";
  if (url?.search !== "" || url.hash !== "") return "expected a URL such as http://host:port/path, found one with ? or #";
  return production && protocol === "http:" ? "expected https in mode: production, found http" : undefined;
}

function kafkaFaults({ kafka }: Valid, production: boolean): Fault[] {
  if (kafka === undefined) return [];
  const faults: Fault[] = [];
  const { tls, replicationFactor } = kafka;
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const) {
    if (tls?.[one] !== undefined && !Object.hasOwn(tls, other))
      faults.push({ path: ["kafka", "tls", one], at: "key", message: `kafka.tls.${one} needs \`${other}\` beside it` });
  }
  if (!production) return faults;
  if (!Object.hasOwn(kafka, "tls"))
    faults.push({ path: ["kafka"], at: "key", message: "kafka: expected `tls` in mode: production; {} trusts the system's certificates" });
  if (replicationFactor !== undefined && replicationFactor < productionReplicas)
    faults.push({
      path: ["kafka", "replicationFactor"],
      at: "value",
      message: `kafka.replicationFactor: expected at least ${productionReplicas} in mode: production, found the number ${replicationFactor}`,
    });
  return faults;
}
