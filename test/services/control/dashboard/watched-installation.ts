/**
 * An installation that is looked at in a browser: a monolith with two tables, everything that runs in this process, a key of each role, and a network between the browser and the control process
 * that can be cut.
 */
import { inject } from "vitest";
import { newApiKey, type Role, roles } from "../../../../services/control/api-keys.ts";
import { openBrowser, type OpenedPage, type PageOptions, type TestBrowser } from "../../../support/browser.ts";
import { createPipeline, type Pipeline } from "../../../support/pipeline.ts";
import { type Running, running } from "../../../support/running-all.ts";
import { TcpProxy } from "../../../support/tcp-proxy.ts";

const schema = `
  CREATE TABLE trades (id int8 PRIMARY KEY, note text, iban text);
  CREATE TABLE orders (id int8 PRIMARY KEY, amount numeric)`;

export interface WatchedInstallation extends AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly all: Running;
  readonly browser: TestBrowser;
  /** Between the browser and the control process: cut now, and for good until it is mended. */
  readonly network: { cut(): void; mend(): void };
  /** What a key of each role is. */
  readonly keys: Readonly<Record<Role, string>>;
  /** @param view as it stands in the address, `#/jobs`. @param role of the key; undefined for none */
  open(view: string, role: Role | undefined, options?: PageOptions): Promise<OpenedPage>;
}

export async function watchedInstallation(): Promise<WatchedInstallation> {
  // A control database of its own, whose audit nobody else writes.
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const tables = { trades: { poison: "park", redact: ["iban"] }, orders: {} };
  const pipeline = await createPipeline(schema, { servers, tables });
  await pipeline.up();
  const made = roles.map((role) => ({ name: `the ${role}`, role, ...newApiKey() }));
  const { configuration } = pipeline;
  const apiKeys = made.map(({ name, role, hash }) => ({ name, role, hash }));
  const all = await running({ ...configuration, http: { ...configuration.http, apiKeys } });
  const port = Number(new URL(all.http).port);
  let isCut = false;
  // Nobody listens on port 1.
  const network = await TcpProxy.start(() => ({ host: "127.0.0.1", port: isCut ? 1 : port }));
  const browser = await openBrowser();
  const keys = { viewer: made[0]!.key, operator: made[1]!.key, admin: made[2]!.key };
  return {
    pipeline,
    all,
    browser,
    network: {
      cut: () => {
        isCut = true;
        network.cut();
      },
      mend: () => void (isCut = false),
    },
    keys,
    async open(view, role, options) {
      const address = `http://127.0.0.1:${network.port}/`;
      const opened = await browser.open(role === undefined ? address + view : `${address}#key=${keys[role]}`, options);
      if (role !== undefined) await opened.page.evaluate(`location.hash = ${JSON.stringify(view)}`);
      return opened;
    },
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      await all[Symbol.asyncDispose]();
      await pipeline[Symbol.asyncDispose]();
    },
  };
}
