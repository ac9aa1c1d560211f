/**
 * The two programs that must be on the machine before Kafka and the schema registry can run, checked before anything is started.
 *
 * One fault at a time would send a new user through two installations and two failures.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { asOfftakeError, OfftakeError } from "../../services/runtime/errors.ts";
import { kafkaAndRegistry } from "./jars.ts";
import { findJava, type Java } from "./java.ts";
import { fetchedFolder, type MavenDownload } from "./maven-download.ts";

export interface JavaAndMaven {
  java: Java;
  /** The `mvn` program; only its name where it is missing and, with everything fetched, not needed any more. */
  maven: string;
}

/** @param wanted what is to run. @throws with everything that is missing */
export function javaAndMaven(environment: NodeJS.ProcessEnv = process.env, wanted: MavenDownload = kafkaAndRegistry): JavaAndMaven {
  const maven = onPath("mvn", environment);
  const mavenFault =
    maven !== undefined || fetchedFolder(wanted) !== undefined
      ? undefined
      : new OfftakeError("STACK_MAVEN_MISSING", `${wanted.what} are fetched once with Maven, and there is no mvn on the PATH.`, {
          cure: "Install it (Debian, Ubuntu: apt install maven; Fedora: dnf install maven; macOS: brew install maven).",
        });
  let java: Java;
  try {
    java = findJava(environment);
  } catch (cause) {
    const fault = asOfftakeError(cause);
    if (mavenFault === undefined) throw fault;
    throw new OfftakeError(fault.code, `${fault.message} ${mavenFault.message}`, { cure: `${fault.cure} ${mavenFault.cure}`, cause });
  }
  if (mavenFault !== undefined) throw mavenFault;
  return { java, maven: maven ?? "mvn" };
}

function onPath(program: string, environment: NodeJS.ProcessEnv): string | undefined {
  return (environment["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
