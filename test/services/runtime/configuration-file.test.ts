import { expect, test } from "vitest";
import { findConfiguration } from "../../../services/runtime/configuration-file.ts";

function find(option: string | undefined, env: NodeJS.ProcessEnv, ...files: string[]): string {
  return findConfiguration(option, env, (path) => files.includes(path));
}

test("--config is first, OFFTAKE_CONFIG second, ./offtake.yaml last", () => {
  const files = ["a/option.yaml", "variable.yaml", "offtake.yaml"];
  expect(find("a/option.yaml", { OFFTAKE_CONFIG: "variable.yaml" }, ...files)).toBe("a/option.yaml");
  expect(find(undefined, { OFFTAKE_CONFIG: "variable.yaml" }, ...files)).toBe("variable.yaml");
  expect(find(undefined, { OFFTAKE_CONFIG: "" }, ...files)).toBe("offtake.yaml");
  expect(find(undefined, {}, ...files)).toBe("offtake.yaml");
});

test.each([
  ["none.yaml", {}, "The file none.yaml that --config names does not exist."],
  ["", {}, "The file  that --config names does not exist."],
  [undefined, { OFFTAKE_CONFIG: "none.yaml" }, "The file none.yaml that OFFTAKE_CONFIG names does not exist."],
])("a file that was named is not passed over for one that was not: %j %j", (option, env, message) => {
  expect(() => find(option, env, "offtake.yaml")).toThrow(expect.objectContaining({ code: "CONFIG_MISSING", message }));
});

test("none at all: it says where it looked", () => {
  const message = `There is no configuration: no --config, no OFFTAKE_CONFIG, and no ./offtake.yaml in ${process.cwd()}.`;
  expect(() => find(undefined, {})).toThrow(expect.objectContaining({ code: "CONFIG_MISSING", message }));
});

test("the files of the disk are asked", () => {
  expect(findConfiguration(import.meta.filename, {})).toBe(import.meta.filename);
});
