/** Who has asked for a copy, or called one off: an order that the audit lacks was made by nobody. */
import { expect, test } from "vitest";
import { readAudit } from "../../../services/control/audit.ts";
import { cancelCopies, readCopies, requestCopies } from "../../../services/control/snapshot-orders.ts";
import { errorOf } from "../../support/error-of.ts";
import { controlDatabase } from "./control-database.ts";

const tables = ["public.users", "public.trades"].map((table) => ({ table, reason: "its copy was asked for" }));
const order = { connector: "trading", service: "trading-engine", tables, requestedBy: "ada" };
const cancel = { connector: "trading", service: "trading-engine", who: "grace" };

test("an order and its audit are there together, once, or neither is", async () => {
  await using database = await controlDatabase();
  const { admin, control } = database;
  const states = async (): Promise<string[]> => (await readCopies(control, "trading")).map(({ table, state }) => `${table} ${state}`);
  await admin.query("ALTER TABLE offtake.audit ADD CONSTRAINT full_up CHECK (id > 1)");
  expect((await errorOf(requestCopies(control, order))).code).toBe("CONTROL_REFUSED");
  expect(await states()).toEqual([]);
  expect(await requestCopies(control, order)).toEqual(["public.trades", "public.users"]);
  expect(await requestCopies(control, order)).toEqual([]);
  await admin.query("ALTER TABLE offtake.audit DROP CONSTRAINT full_up, ADD CONSTRAINT full_up CHECK (action <> 'cancel')");
  expect((await errorOf(cancelCopies(control, cancel))).code).toBe("CONTROL_REFUSED");
  expect(await states()).toEqual(["public.trades waiting", "public.users waiting"]);
  await admin.query("ALTER TABLE offtake.audit DROP CONSTRAINT full_up");
  expect(await cancelCopies(control, { ...cancel, tables: ["public.users"] })).toEqual(["public.users"]);
  expect(await cancelCopies(control, { ...cancel, tables: ["public.users"] })).toEqual([]);
  expect(await readAudit(control, ["trading-engine"], 9)).toMatchObject([
    { who: "grace", action: "cancel", subject: "public.users", before: { state: "open" }, after: { state: "cancelled" } },
    { who: "ada", action: "snapshot", subject: "public.trades, public.users", before: null, after: { state: "waiting" } },
  ]);
});
