/**
 * What the Java servers have in common: how a JVM is told to start soon, stay small, and leave nothing outside its stack's folder.
 */
import { join } from "node:path";
import { javaMark } from "./stack-processes.ts";

/**
 * quick: the first compiler only and the simplest collector; starts in half the time and takes what a test asks of it.
 * full: as the JVM runs in production, for benches.
 */
export type JvmMode = "quick" | "full";

/** @param folder the server's own, which has a `tmp` */
export function jvmArguments(jvm: { stackFolder: string; folder: string; heapMb: number; mode: JvmMode }): string[] {
  const { stackFolder, folder, heapMb, mode } = jvm;
  // Every thread keeps a buffer of the size of the largest message that it has seen: without a limit, 1 GB after a few of 64 MiB. With it each read of a batch of a megabyte takes
  // and clears new memory for all that is still to come of it, a fifth of the broker's work: no broker in production has it.
  const smallBuffers = "-Djdk.nio.maxCachedBufferSize=262144";
  const quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", smallBuffers];
  return [
    `-Xmx${heapMb}m`,
    ...(mode === "quick" ? quick : []),
    "-XX:+ExitOnOutOfMemoryError",
    // Its statistics are a file in /tmp, which a JVM that is killed leaves there.
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${join(folder, "tmp")}`,
    javaMark(stackFolder),
  ];
}

/** log4j2's, only what goes wrong: at `info` Kafka writes 2000 lines of settings at each start, and the end of its log says nothing. */
export const logging: Record<string, string> = {
  status: "warn",
  "appender.out.type": "Console",
  "appender.out.name": "out",
  "appender.out.layout.type": "PatternLayout",
  "appender.out.layout.pattern": "%d %p %c{1}: %m%n",
  "rootLogger.level": "warn",
  "rootLogger.appenderRef.out.ref": "out",
};

/** A file of Java properties. */
export function propertiesText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}\n`)
    .join("");
}
