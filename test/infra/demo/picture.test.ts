import { expect, test } from "vitest";
import { picture } from "../../../infra/demo/picture.ts";

test("each table is drawn to its topic and database, tables of one service joined", () => {
  const services = [
    { name: "api-gateway", topic: "offtake.api-gateway" },
    { name: "ai", topic: "offtake.ai" },
  ];
  const tables = new Map([
    ["api-gateway", [{ table: "users" }]],
    ["ai", [{ table: "decisions" }, { table: "features" }, { table: "log" }]],
  ]);
  expect(picture({ services }, tables).split("\n")).toEqual([
    "",
    "  monolith         Kafka topic              database",
    "  users ─────────> offtake.api-gateway ───> api_gateway",
    "  decisions ──┐",
    "  features ───┤",
    "  log ────────┴──> offtake.ai ────────────> ai",
    "",
  ]);
});
