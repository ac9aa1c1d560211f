/**
 * Puts the built dashboard beside the built program, for the package and the image: whoever runs those has no bundler. With it go the licences of what is in it, which ask for that.
 *
 *     node infra/packaging/dashboard.ts
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { builtDashboard } from "../../services/control/dashboard-build.ts";

const repository = new URL("../../", import.meta.url);
const folder = new URL("dist/services/control/dashboard/", repository);

const { files, sources } = await builtDashboard();
await rm(fileURLToPath(folder), { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const { name, body } of files) await writeFile(new URL(name, folder), body);
const packages = new Set(sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []));
const licences = await Promise.all(
  [...packages].toSorted().map(async (name) => `${name}\n\n${await readFile(new URL(`node_modules/${name}/LICENSE`, repository), "utf8")}`),
);
await writeFile(new URL("LICENCES.txt", folder), licences.join("\n\n"));
