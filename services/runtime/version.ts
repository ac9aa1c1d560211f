/** Offtake's version, as its package says it. The source tree and the built package have it at different depths. */
import { readFileSync } from "node:fs";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

function readVersion(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Manifest;
      if (manifest.name === "offtake" && manifest.version !== undefined) return manifest.version;
    } catch {
      // Not at this depth.
    }
  }
  return "unknown";
}

export const version = readVersion();
