/** The containers backend against what there is of it: the code that Kafka's image runs, and the engine where one answers. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { getContainerRuntimeClient } from "testcontainers";
import { expect, test } from "vitest";
import { kafkaPlan } from "../../../infra/containers/container-plan.ts";
import { javaAndMaven } from "../../../infra/local/java-and-maven.ts";
import { fetchedJars, fetchJars } from "../../../infra/local/jars.ts";
import { kafkaSettings } from "../../../infra/local/server-settings.ts";
import { startStack } from "../../../infra/local/stack.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("Kafka's image makes the local backend's settings of its environment, formats its storage, and knows its heap for none of them", async () => {
  await using folder = await temporaryFolder();
  const [data, defaults, mounted, final] = ["data", "defaults", "mounted", "final"].map((name) => join(folder.path, name));
  for (const each of [defaults!, mounted!, final!]) await mkdir(each);
  // Those of the image are used only where no variable is set.
  for (const file of ["server.properties", "log4j2.yaml", "tools-log4j2.yaml"]) await writeFile(join(defaults!, file), "");
  const { environment } = kafkaPlan({ clusterId: "b2ZmdGFrZS1jb21wb3NlMQ", address: "there:19092", settings: { "log.dirs": data! } });
  const { java, maven } = javaAndMaven();
  const jars = fetchedJars() ?? (await fetchJars({ maven, java, stackFolder: folder.path, progress: () => {} }));
  const wrapper = ["-cp", join(jars.kafka, "*"), "kafka.docker.KafkaDockerWrapper", "setup"];
  const folders = ["--default-configs-dir", defaults!, "--mounted-configs-dir", mounted!, "--final-configs-dir", final!];
  await promisify(execFile)(java.command, [...wrapper, ...folders], { env: environment });
  const lines = (await readFile(join(final!, "server.properties"), "utf8")).split("\n").filter((line) => line !== "");
  expect(Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)))).toEqual({
    ...kafkaSettings(1),
    "node.id": "1",
    listeners: "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://there:19092",
    "controller.quorum.voters": "1@localhost:9093",
    "log.dirs": data,
  });
  expect(await readFile(join(data!, "meta.properties"), "utf8")).toContain("cluster.id=b2ZmdGFrZS1jb21wb3NlMQ");
});

async function lifetime(): Promise<string> {
  await using stack = await startStack({ backend: "containers", progress: () => {} });
  for (const server of [stack.source, stack.kafka, stack.registry]) {
    await server.kill();
    await server.start();
  }
  return "it has lived";
}

test("where an engine answers the stack starts in it, comes back after a kill and goes; where none does, that is said with both ways out", async () => {
  const engine = await getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
  const outcome = await lifetime().catch((error: unknown) => (error instanceof OfftakeError ? error.line : String(error)));
  expect(outcome).toMatch(
    engine ? /^it has lived$/ : /^STACK_ENGINE_MISSING: No container engine answers: .* Start Docker, .*DOCKER_HOST; or use the local backend/,
  );
}, 600_000);
