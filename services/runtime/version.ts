/** Offtake's version, as its package says it. The source tree and the built package have it at different depths. */
import { readFileSync } from "node:fs";

function readVersion(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (isOurs(manifest)) return manifest.version;
    } catch {
      // Not at this depth.
    }
  }
  return "unknown";
}

function isOurs(manifest: unknown): manifest is { readonly version: string } {
  return (
    typeof manifest === "object" &&
    manifest !== null &&
    "name" in manifest &&
    manifest.name === "offtake" &&
    "version" in manifest &&
    typeof manifest.version === "string"
  );
}

export const version = readVersion();
