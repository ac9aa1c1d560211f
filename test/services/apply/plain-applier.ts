import { runApplier } from "../../../services/apply/applier.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import type { Pipeline } from "../../support/pipeline.ts";
import { type RunningUnit, startUnit } from "../../support/running-unit.ts";

/** The pipeline's applier, as a role that may not put triggers and foreign keys to sleep; the role goes with it. */
export async function plainApplier({ configuration, service, connector, metrics, target, targetUrl }: Pipeline): Promise<RunningUnit> {
  const role = uniqueName("plain");
  await target.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'plain'; GRANT ALL ON SCHEMA public, offtake TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public, offtake TO ${role}`,
  );
  const url = new URL(targetUrl);
  [url.username, url.password] = [role, "plain"];
  const plain = { ...service, target: { ...service.target, url: new Secret(url.href) } };
  const unit = startUnit(async ({ log, working, interruption, signal }) =>
    runApplier({ configuration, service: plain, connector: connector.name, log, metrics, applying: working, interruption }, signal),
  );
  return {
    ...unit,
    async [Symbol.asyncDispose]() {
      await unit[Symbol.asyncDispose]();
      await target.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    },
  };
}
