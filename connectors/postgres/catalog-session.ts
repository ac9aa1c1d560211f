/**
 * The settings under which texts leave one database's catalogs and enter another's.
 *
 * PostgreSQL prints an expression so that it means the same thing again under the settings of the session that asked. Read under other settings
 * than it is run with, a default of `'2024-02-01'::date` becomes the second of January, a backslash vanishes from a CHECK, and `nextval('id_seq')`
 * counts in whatever schema comes first. So both sides use these, whatever the role's and the database's own settings are.
 *
 * The search_path is how a schema is mapped. Texts are read with the one source schema in it that has another name at the target: what lives
 * there is printed without a schema, everything else with it, and at the target, with the mapped schema in its place, the same text finds the
 * same things. Replacing `public.` in the text would hit string literals, aliases and quoted names. pg_catalog stays first on both sides, as it
 * is when nobody names it; an object of the monolith that is hidden behind a built-in one of the same name therefore keeps its schema in the
 * text, and is found at the target only where the schema has the same name there.
 *
 * Everything is SET LOCAL: a pooler between us and the server would hand other settings on to an application.
 *
 * Source: PostgreSQL documentation, "System Catalog Information Functions", "The Schema Search Path".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { inTransaction } from "./transaction-scope.ts";

/** A catalog query that takes longer waits for a lock or for a server in trouble. */
const statementTimeout = "60s";
/** Some catalog functions wait for a table that is being altered. Better to fail than to queue behind a migration. */
const lockTimeout = "5s";

/**
 * SET LOCAL statements for a transaction that reads or runs catalog texts.
 *
 * @param searchPath schemas in which names without a schema are looked up, after pg_catalog; may be empty
 */
export function catalogSettings(searchPath: readonly string[]): string {
  const path = searchPath.length === 0 ? "''" : searchPath.map((schema) => escapeIdentifier(schema)).join(", ");
  return [
    `search_path = ${path}`,
    "standard_conforming_strings = on",
    "quote_all_identifiers = off",
    "DateStyle = 'ISO, YMD'",
    "IntervalStyle = postgres",
    "TimeZone = 'UTC'",
    "extra_float_digits = 1",
    "bytea_output = hex",
    "lc_monetary = 'C'",
    "xmloption = content",
    "transform_null_equals = off",
    `statement_timeout = '${statementTimeout}'`,
    `lock_timeout = '${lockTimeout}'`,
    `idle_in_transaction_session_timeout = '${statementTimeout}'`,
  ]
    .map((setting) => `SET LOCAL ${setting}`)
    .join("; ");
}

/**
 * Runs `work` in one read-only snapshot with the settings above, and ends the transaction whatever happens.
 *
 * @param client connected, not in a transaction, with pg's default type parsers
 * @param searchPath schemas whose objects are printed without them
 */
export async function inCatalogSnapshot<T>(client: ClientBase, searchPath: readonly string[], work: () => Promise<T>): Promise<T> {
  return inTransaction(client, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${catalogSettings(searchPath)}`, work);
}
