/** Kafka Connect, Debezium's connectors and the Avro converter, fetched once by Maven into the cache folder: only for who asks for that peer. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { javaAndMaven } from "../../infra/local/java-and-maven.ts";
import type { Java } from "../../infra/local/java.ts";
import { fetchedFolder, fetchFolder, type MavenDownload } from "../../infra/local/maven-download.ts";

const connectAndDebezium: MavenDownload = {
  name: "bench-jars",
  pom: fileURLToPath(new URL("pom.xml", import.meta.url)),
  what: "Kafka Connect and Debezium",
  megabytes: 90,
};

export interface ConnectJars {
  readonly java: Java;
  /** Folder of the worker's jars. */
  readonly runtime: string;
  /** plugin.path. */
  readonly plugins: string;
}

/** @throws OfftakeError STACK_JAVA_MISSING, STACK_MAVEN_MISSING, STACK_DOWNLOAD_FAILED */
export async function connectJars(stackFolder: string, progress: (line: string) => void): Promise<ConnectJars> {
  const { java, maven } = javaAndMaven(process.env, connectAndDebezium);
  const folder = fetchedFolder(connectAndDebezium) ?? (await fetchFolder(connectAndDebezium, { maven, java, stackFolder, progress }));
  return { java, runtime: join(folder, "connect"), plugins: join(folder, "plugins") };
}
