/**
 * Makes one script and one style of the dashboard's source. Loaded where there is the source alone: who runs the package has no bundler, and needs none.
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { NamedFile } from "./dashboard-bundle.ts";

export interface BuiltDashboard {
  /** Each with a hash of its content in its name. */
  readonly files: readonly NamedFile[];
  /** Every source that is part of them, relative to the repository. */
  readonly sources: readonly string[];
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
const folder = "services/control/dashboard";

/** @throws Error where the bundler is not installed, or the source has a fault */
export async function builtDashboard(): Promise<BuiltDashboard> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: repository,
    entryPoints: ["main.tsx", "style.css", "icon.svg"].map((name) => `${folder}/${name}`),
    outdir: "assets",
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy" },
    legalComments: "none",
    logLevel: "silent",
  });
  return {
    files: outputFiles.map(({ path, contents }) => ({ name: basename(path), body: Buffer.from(contents) })),
    sources: Object.keys(metafile.inputs),
  };
}
