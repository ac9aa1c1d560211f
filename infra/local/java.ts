/**
 * Finds a Java that can run Kafka and the schema registry.
 *
 * With an older one both end at once with "class file version 61.0", which tells nobody what to install.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { OfftakeError } from "../../services/runtime/errors.ts";

const oldestJava = 17;

export interface Java {
  /** The `java` program. */
  command: string;
  /** The folder above its `bin`, as JAVA_HOME wants it. */
  home: string;
  /** 17, 21, 25. */
  version: number;
}

const systemFolders = ["/usr/lib/jvm", "/usr/lib64/jvm", "/usr/java", "/Library/Java/JavaVirtualMachines", "/opt/homebrew/opt", "/usr/local/opt"];

/**
 * Java of JAVA_HOME, else of the PATH, else the oldest in the system's folders that is new enough: the one closest to what was tried.
 *
 * @throws with what was found in each place
 */
export function findJava(environment: NodeJS.ProcessEnv = process.env, folders: string[] = systemFolders): Java {
  const looked: string[] = [];
  for (const [place, homes] of placesOf(environment, folders)) {
    const found = homes.flatMap((home) => javaIn(home) ?? []).toSorted((a, b) => a.version - b.version);
    const fit = found.find(({ version }) => version >= oldestJava);
    if (fit !== undefined) return fit;
    looked.push(found.length === 0 ? `${place}: none` : `${place}: ${found.map(({ version }) => `Java ${version}`).join(", ")}`);
  }
  throw new OfftakeError("STACK_JAVA_MISSING", `Kafka and the schema registry need Java ${oldestJava} or later (${looked.join("; ")}).`, {
    cure: `Install one (Debian, Ubuntu: apt install openjdk-17-jre-headless; Fedora: dnf install java-21-openjdk-headless; macOS: brew install openjdk@21) or set JAVA_HOME.`,
  });
}

function placesOf(environment: NodeJS.ProcessEnv, folders: string[]): [place: string, homes: string[]][] {
  const javaHome = environment["JAVA_HOME"] ?? "";
  const onPath = (environment["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "java"))
    .filter((file) => existsSync(file));
  return [
    [`JAVA_HOME (${javaHome === "" ? "not set" : javaHome})`, javaHome === "" ? [] : [javaHome]],
    ["PATH", onPath.slice(0, 1).map((file) => dirname(dirname(realpathSync(file))))],
    [`the system's folders (${folders.join(", ")})`, folders.filter((folder) => existsSync(folder)).flatMap(homesIn)],
  ];
}

function homesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /jdk|jre|java|jvm/i.test(name))
    .flatMap((name) => [
      join(folder, name),
      join(folder, name, "Contents", "Home"),
      join(folder, name, "libexec", "openjdk.jdk", "Contents", "Home"),
    ]);
}

function javaIn(home: string): Java | undefined {
  const command = join(home, "bin", "java");
  if (!existsSync(command)) return undefined;
  const version = versionOf(home, command);
  return version === undefined ? undefined : { command, home, version };
}

/** The `release` file saves starting a JVM; not every package has one. */
function versionOf(home: string, command: string): number | undefined {
  const release = join(home, "release");
  if (existsSync(release)) {
    const version = majorOf(/^JAVA_VERSION="(.*)"$/m.exec(readFileSync(release, "utf8"))?.[1]);
    if (version !== undefined) return version;
  }
  // The properties go to stderr. macOS has a java that only says where to get one: it prints none.
  const { stderr } = spawnSync(command, ["-XshowSettings:properties", "-version"], { encoding: "utf8" });
  return majorOf(/^ *java\.specification\.version = (.*)$/m.exec(stderr)?.[1]);
}

/** 17 of "17.0.15", 8 of "1.8.0_402". */
function majorOf(version: string | undefined): number | undefined {
  const major = /^(?:1\.)?(\d+)/.exec(version ?? "")?.[1];
  return major === undefined ? undefined : Number(major);
}
