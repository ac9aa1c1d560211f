/**
 * The dashboard as it is served: a page, and the script, style and picture that it names. Whoever has one of them from another version sees a page that does not fit the API, so their names
 * carry a hash of what is in them, and the page, which has the names, is never kept.
 *
 * In a clone it is built of its source when it is first asked for; the npm package and the image have it built (infra/packaging/dashboard.ts), and no bundler.
 */
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { messageOf, OfftakeError } from "../runtime/errors.ts";

/** A file with its name, which has a hash of its content. */
export interface NamedFile {
  readonly name: string;
  readonly body: Buffer;
}

export interface Asset extends NamedFile {
  /** Content-Type. */
  readonly type: string;
  readonly gzip: Buffer;
}

export interface DashboardBundle {
  /** HTML. */
  readonly page: string;
  /** By name. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** Where the built files are, beside the built program. */
const packedFolder = new URL("./dashboard/", import.meta.url);

/** @throws OfftakeError DASHBOARD_UNAVAILABLE */
export async function dashboardBundle(): Promise<DashboardBundle> {
  try {
    return bundleOf(import.meta.url.endsWith(".ts") ? (await (await import("./dashboard-build.ts")).builtDashboard()).files : await packedFiles());
  } catch (error) {
    throw new OfftakeError("DASHBOARD_UNAVAILABLE", `There is no page of the dashboard: ${messageOf(error)}`, { cause: error });
  }
}

async function packedFiles(): Promise<NamedFile[]> {
  const names = (await readdir(packedFolder)).filter((name) => typeOf(name) !== undefined);
  return Promise.all(names.map(async (name) => ({ name, body: await readFile(new URL(name, packedFolder)) })));
}

export function bundleOf(files: readonly NamedFile[]): DashboardBundle {
  const assets = files.map((file): Asset => ({
    ...file,
    type: typeOf(file.name) ?? "application/octet-stream",
    gzip: gzipSync(file.body, { level: 9 }),
  }));
  return { page: pageOf(files.map(({ name }) => name)), assets: new Map(assets.map((asset) => [asset.name, asset])) };
}

/** Nothing stands in it that a browser would run or apply: its Content-Security-Policy lets it load files of its own alone. Paths are relative, for a proxy that serves it below one. */
function pageOf(names: readonly string[]): string {
  const named = (extension: string): string => `assets/${names.find((name) => name.endsWith(extension)) ?? missing(extension)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Offtake</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${named(".svg")}">
<link rel="stylesheet" href="${named(".css")}">
<script type="module" src="${named(".js")}"></script>
</head>
<body>
<div id="app"></div>
<noscript>The dashboard needs JavaScript. Without it: offtake status --watch</noscript>
</body>
</html>
`;
}

function missing(extension: string): never {
  throw new Error(`no ${extension} is there`);
}

function typeOf(name: string): string | undefined {
  if (name.endsWith(".js")) return "text/javascript; charset=utf-8";
  if (name.endsWith(".css")) return "text/css; charset=utf-8";
  return name.endsWith(".svg") ? "image/svg+xml" : undefined;
}
