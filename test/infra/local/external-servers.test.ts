import { expect, test } from "vitest";
import { externalServers } from "../../../infra/local/external-servers.ts";
import { serverNames } from "../../../infra/local/stack.ts";

test("every variable that is missing or malformed is listed, at once", async () => {
  const environment = { OFFTAKE_EXTERNAL_TARGET_URL: "mysql://nobody@nowhere/db", OFFTAKE_EXTERNAL_KAFKA: "127.0.0.1" };
  await expect(externalServers(serverNames, environment)).rejects.toMatchObject({
    code: "STACK_EXTERNAL_INVALID",
    message: [
      "The external backend cannot be used:",
      "  OFFTAKE_EXTERNAL_SOURCE_URL is not set (postgres://user:password@host:port/database)",
      "  OFFTAKE_EXTERNAL_TARGET_URL is not of the form postgres://user:password@host:port/database",
      "  OFFTAKE_EXTERNAL_KAFKA is not of the form host:port, or several separated by commas",
      "  OFFTAKE_EXTERNAL_REGISTRY is not set (http://127.0.0.1:8081/apis/ccompat/v7)",
      "",
    ]
      .join("\n")
      .replace("127.0.0.1:8081", "host:port"),
  });
});

test("only the servers that are wanted are asked for", async () => {
  await expect(externalServers(["kafka"], {})).rejects.toThrow(/^The external backend cannot be used:\n {2}OFFTAKE_EXTERNAL_KAFKA [^\n]*\n$/);
});
