/**
 * infra/docker/Dockerfile, read without a container engine. Style is hadolint's (see the workflow); here is what would make the image wrong or unsafe.
 */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

function fileOf(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** Instructions in their order, continued lines joined. */
const instructions = fileOf("infra/docker/Dockerfile")
  .replaceAll(/^\s*#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => {
    const [name = "", ...rest] = line.trim().split(/\s+/);
    return { name, rest, text: rest.join(" ") };
  });
const last = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
const manifest: { devDependencies: Record<string, string> } = JSON.parse(fileOf("package.json"));

test("every stage is on the Node that the repository is tested with", () => {
  const bases = instructions.filter(({ name }) => name === "FROM").map(({ rest }) => rest[0]);
  expect(bases).toEqual(Array(3).fill(`node:${manifest.devDependencies["node"]}-bookworm-slim`));
});

test("what it copies is there, is not ignored, and into the image goes nothing but the program, its packages, manifest and licence", () => {
  const ignored = fileOf(".dockerignore").split("\n");
  const fromContext = instructions
    .filter(({ name, text }) => name === "COPY" && !text.startsWith("--from="))
    .flatMap(({ rest }) => rest.slice(0, -1));
  expect(fromContext.filter((path) => !existsSync(new URL(`../../../${path}`, import.meta.url)) || !ignored.includes(`!${path}`))).toEqual([]);
  const copied = last.filter(({ name }) => name === "COPY").map(({ text }) => text);
  expect(copied).toEqual([
    "package.json LICENSE ./",
    "--from=packages /build/node_modules node_modules",
    "--from=build /build/dist/connectors dist/connectors",
    "--from=build /build/dist/schemas dist/schemas",
    "--from=build /build/dist/services dist/services",
  ]);
});

test("it runs as a numbered user without rights, and nothing is run as root in the last stage", () => {
  expect(last.filter(({ name }) => ["RUN", "ADD", "USER"].includes(name)).map(({ name, text }) => `${name} ${text}`)).toEqual(["USER 1000:1000"]);
});

test("production packages come from the lock file without running their scripts", () => {
  const installs = instructions.filter(({ text }) => text.startsWith("npm ")).map(({ text }) => text);
  expect(installs).toEqual(["npm ci --omit=dev --ignore-scripts --no-audit --no-fund", "npm ci --ignore-scripts --no-audit --no-fund"]);
});

function inLast(wanted: string): string {
  return last.find(({ name }) => name === wanted)?.text ?? "";
}

test("its process is Offtake itself, which gets the signals, and its health is that it lives", () => {
  expect(JSON.parse(inLast("ENTRYPOINT"))).toEqual(["node", "/opt/offtake/dist/services/cli/main.js"]);
  expect(inLast("HEALTHCHECK")).toContain("http://127.0.0.1:8086/healthz");
  expect(inLast("EXPOSE")).toBe("8086");
});
