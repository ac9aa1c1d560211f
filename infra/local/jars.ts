/** Kafka and the schema registry, fetched once by Maven into the cache folder. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fetch, fetchedFolder, fetchFolder, type MavenDownload } from "./maven-download.ts";

export interface Jars {
  /** Folder of Kafka's jars. */
  kafka: string;
  /** Folder of the unpacked schema registry. */
  registry: string;
}

export const kafkaAndRegistry: MavenDownload = {
  name: "jars",
  pom: fileURLToPath(new URL("pom.xml", import.meta.url)),
  what: "Kafka and the schema registry",
  megabytes: 180,
};

/** What has been fetched already; undefined when fetchJars would have to run Maven. */
export function fetchedJars(): Jars | undefined {
  const folder = fetchedFolder(kafkaAndRegistry);
  return folder === undefined ? undefined : jarsIn(folder);
}

export async function fetchJars(fetch: Fetch): Promise<Jars> {
  return jarsIn(await fetchFolder(kafkaAndRegistry, fetch));
}

function jarsIn(folder: string): Jars {
  return { kafka: join(folder, "kafka"), registry: join(folder, "registry") };
}
