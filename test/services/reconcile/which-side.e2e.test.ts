/** A session that ends between two reads is the trouble of the side that it was with: on-call must not be sent to the monolith because a target was restarted. */
import { expect, test } from "vitest";
import { ServicePasses } from "../../../services/reconcile/reconcile-service.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline } from "../../support/pipeline.ts";

const endSql =
  "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE 'offtake reconcile%' AND datname = current_database()";

test.each(["source", "target"] as const)("the %s's", async (side) => {
  await using pipeline = await createPipeline("CREATE TABLE t (id int8 PRIMARY KEY)");
  await pipeline.up();
  const { configuration, connector, service } = pipeline;
  const { signal } = new AbortController();
  const opened = async (): Promise<ServicePasses> => ServicePasses.open({ configuration, connector, service, tables: [], level: "detailed", signal });
  const code = `${side.toUpperCase()}_UNREACHABLE`;
  const name = { schema: "public", table: "t" };
  const asks: ((passes: ServicePasses) => Promise<unknown>)[] = [
    async (passes) => passes.again(name, [["1"]], ["id"]),
    async (passes) => passes.report(name),
  ];
  if (side === "target")
    asks.push(
      async (passes) => passes.uncopied(name),
      async (passes) => passes.appliedOffset(),
    );
  for (const ask of asks) {
    const passes = await opened();
    expect((await pipeline[side].query(endSql)).rowCount).toBeGreaterThan(0);
    expect((await errorOf(ask(passes))).code).toBe(code);
    await passes.end();
  }
});
