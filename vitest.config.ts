/**
 * The test suites. A file's suffix says what it needs, and a run starts only the servers that its files need: unit tests none.
 *
 * `vitest run --project unit`, `vitest run test/connectors`, `vitest run test/services/apply/batch.pg.test.ts`.
 */
import { configDefaults, defineConfig } from "vitest/config";

const withServers = ["test/**/*.pg.test.ts", "test/**/*.kafka.test.ts", "test/**/*.e2e.test.ts", "test/**/*.browser.test.ts", "test/chaos/**"];
const stack = { globalSetup: "test/support/stack.ts", testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/**/*.test.ts"], exclude: [...configDefaults.exclude, ...withServers], testTimeout: 30_000 } },
      { test: { name: "pg", include: ["test/**/*.pg.test.ts"], ...stack, sequence: { groupOrder: 1 } } },
      { test: { name: "kafka", include: ["test/**/*.kafka.test.ts"], ...stack, sequence: { groupOrder: 1 } } },
      {
        test: {
          name: "browser",
          include: ["test/**/*.browser.test.ts"],
          ...stack,
          globalSetup: [stack.globalSetup, "test/support/browser-setup.ts"],
          testTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      { test: { name: "e2e", include: ["test/**/*.e2e.test.ts"], ...stack, testTimeout: 180_000, sequence: { groupOrder: 2 } } },
      // One file at a time: they measure nothing, but a machine that runs two of them at once shows fewer interleavings of each.
      { test: { name: "chaos", include: ["test/chaos/**/*.test.ts"], ...stack, testTimeout: 600_000, maxWorkers: 1, sequence: { groupOrder: 3 } } },
    ],
    // The tests mostly wait for servers: on two cores three files at once use them, where two left a quarter idle.
    maxWorkers: 3,
  },
});
