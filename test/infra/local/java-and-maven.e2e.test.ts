import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { javaAndMaven } from "../../../infra/local/java-and-maven.ts";
import { findJava } from "../../../infra/local/java.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { startProgram } from "./program.ts";

/** An installation as findJava sees it: a `java`, which prints its version, and perhaps the file that saves asking it. */
async function installJava(home: string, version: string, hasRelease: boolean): Promise<string> {
  const command = join(home, "bin", "java");
  await mkdir(dirname(command), { recursive: true });
  await writeFile(command, `#!/bin/sh\necho '    java.specification.version = ${version.replace(/^(1\.8|\d+).*/, "$1")}' >&2\n`);
  await chmod(command, 0o755);
  if (hasRelease) await writeFile(join(home, "release"), `IMPLEMENTOR="Nobody"\nJAVA_VERSION="${version}"\n`);
  return home;
}

async function places(): Promise<TemporaryFolder & { home: string; onPath: string; system: string }> {
  const folder = await temporaryFolder();
  return Object.assign(folder, { home: join(folder.path, "home"), onPath: join(folder.path, "path"), system: join(folder.path, "system") });
}

describe("findJava", () => {
  test.each([true, false])("takes JAVA_HOME's before the PATH's (release file: %s)", async (hasRelease) => {
    await using at = await places();
    const home = await installJava(at.home, "21.0.4", hasRelease);
    await installJava(at.onPath, "17.0.1", hasRelease);
    expect(findJava({ JAVA_HOME: home, PATH: join(at.onPath, "bin") }, [])).toEqual({ command: join(home, "bin", "java"), home, version: 21 });
  });

  test("goes on to the PATH when JAVA_HOME's is too old", async () => {
    await using at = await places();
    const home = await installJava(at.home, "1.8.0_402", true);
    await installJava(at.onPath, "17.0.1", true);
    expect(findJava({ JAVA_HOME: home, PATH: `/nowhere:${join(at.onPath, "bin")}` }, [])).toMatchObject({ version: 17 });
  });

  test("takes of the system's folder the oldest that is new enough", async () => {
    await using at = await places();
    for (const version of ["11.0.2", "25", "17.0.15", "21.0.1"]) await installJava(join(at.system, `jdk-${version}`), version, true);
    expect(findJava({ PATH: "" }, [at.system])).toMatchObject({ version: 17, home: join(at.system, "jdk-17.0.15") });
  });

  test("says where it has looked, what it found there, and what to install", async () => {
    await using at = await places();
    const home = await installJava(at.home, "1.8.0_402", true);
    await installJava(join(at.system, "jdk-11"), "11.0.2", false);
    const message = `JAVA_HOME (${home}): Java 8; PATH: none; the system's folders (${at.system}, /nowhere): Java 11`;
    expect(() => findJava({ JAVA_HOME: home, PATH: "/nowhere" }, [at.system, "/nowhere"])).toThrow(message);
  });
});

test("a start without Maven on a machine that has fetched nothing says what to install, and leaves nothing", async () => {
  await using cache = await temporaryFolder();
  await using java = await temporaryFolder();
  const env = { ...process.env, OFFTAKE_CACHE: cache.path, PATH: "", JAVA_HOME: await installJava(java.path, "17.0.1", true) };
  const { code, stderr } = await startProgram("stack-owner.ts", ["kafka", "registry"], { env }).ended;
  expect(code).toBe(1);
  expect(stderr).toContain("STACK_MAVEN_MISSING");
  expect(stderr).toContain("apt install maven");
});

test("what else is fetched with Maven is called by its own name where there is none", async () => {
  await using at = await places();
  await writeFile(join(at.path, "pom.xml"), "<project/>");
  const environment = { PATH: "", JAVA_HOME: await installJava(at.home, "17.0.1", true) };
  const wanted = { name: "peers", pom: join(at.path, "pom.xml"), what: "Peers of a benchmark", megabytes: 1 };
  expect(() => javaAndMaven(environment, wanted)).toThrow("Peers of a benchmark are fetched once with Maven, and there is no mvn on the PATH.");
});
