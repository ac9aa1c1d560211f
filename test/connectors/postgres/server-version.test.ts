import { describe, expect, test } from "vitest";
import { refuseOldServer } from "../../../connectors/postgres/server-version.ts";

describe("refuseOldServer", () => {
  test.each(["15.0", "15.18 (Debian 15.18-1)", "16beta2", "18.4", "19devel", "130.1", ""])("lets %j through", (version) => {
    expect(() => refuseOldServer(version, "The source")).not.toThrow();
  });

  test.each(["14.23", "14beta1", "9.6.24", "13.4 (Ubuntu 13.4-4)"])("refuses %j with the cure", (version) => {
    expect(() => refuseOldServer(version, "The source at db:5432")).toThrow(
      expect.objectContaining({
        code: "SERVER_TOO_OLD",
        message: `The source at db:5432 is PostgreSQL ${version}: Offtake needs 15 or later.`,
        cure: expect.stringContaining("Upgrade it to PostgreSQL 15 or later"),
      }),
    );
  });
});
