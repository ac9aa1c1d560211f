/**
 * Commands that need a clone of the repository: the demo and the local servers.
 *
 * They bring servers with them that an installation in production has no use for, so the npm package is without them. Whoever types them there would
 * be told of a module that cannot be found, and take the package for damaged.
 */
import { OfftakeError } from "../runtime/errors.ts";

/**
 * @param command as it is typed behind `offtake`
 * @param load imports a module below infra/
 * @throws OfftakeError NEEDS_CLONE when there is none
 */
export async function fromClone<T>(command: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissingInfra(cause)) throw cause;
    throw new OfftakeError(
      "NEEDS_CLONE",
      `\`offtake ${command}\` is not in the npm package: it starts servers, which a clone of the repository brings.`,
      {
        cure: `In a clone: npm run offtake -- ${command}`,
        cause,
      },
    );
  }
}

/** Node names the module that is missing by its URL, and in a clone whose files are gone the one that misses it would be below infra/ too. */
function isMissingInfra(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && "url" in error)) return false;
  return typeof error.url === "string" && error.url.startsWith(new URL("../../infra/", import.meta.url).href);
}
