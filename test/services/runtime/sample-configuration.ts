/** Configurations for the tests of this folder, and what is said about them. */
import { parseConfiguration, type Configuration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";

/** Valid; every test changes a line or two of it. */
export const sample = `mode: development
source:
  url: env:SOURCE
kafka:
  brokers: [127.0.0.1:19092]
registry: { url: http://127.0.0.1:18081/apis/ccompat/v7 }
services:
  trading-engine:
    target: { url: env:TRADING }
    tables: [trades, positions]
  api:
    target:
      url: env:API
    tables:
      users:
control: { url: env:CONTROL }
`;

export const env = {
  SOURCE: "postgres://offtake:hidden-source@monolith:5432/shop",
  TRADING: "postgres://offtake:hidden-trading@trading/trading",
  CONTROL: "postgres://offtake:hidden-control@control/offtake",
  API: "postgresql://offtake:hidden-api@api/api?sslmode=require",
};

export function read(text: string, variables: NodeJS.ProcessEnv = env, file = "offtake.yaml"): Configuration {
  return parseConfiguration(text, file, variables);
}

/** The sample with some text replaced, which must be there. */
export function changed(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The sample has no ${from}`);
    return text.replace(from, to);
  }, sample);
}

/** What is wrong with it: the code, and each fault as `line:column: message`. */
export function faultsOf(text: string, variables: NodeJS.ProcessEnv = env): { code: string; faults: string[] } {
  try {
    read(text, variables);
  } catch (error) {
    if (!(error instanceof OfftakeError)) throw error;
    const [, ...lines] = error.message.split("\n");
    return { code: error.code, faults: lines.map((line) => line.replace("  offtake.yaml:", "")) };
  }
  return { code: "", faults: [] };
}
