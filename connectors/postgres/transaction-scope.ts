/**
 * A transaction around some work: committed when the work is done, rolled back when anything fails. A session that is handed on with a transaction open holds its locks, and refuses or
 * hides whatever is done with it next.
 *
 * Source: PostgreSQL documentation, "BEGIN"; "Message Flow", Multiple Statements in a Simple Query.
 */
import type { ClientBase } from "pg";

/**
 * @param client connected, and not in a transaction
 * @param beginSql BEGIN, and what belongs to it, as SET LOCAL or a lock: statements of one query
 * @returns what `work` does, once it is committed
 * @throws what failed first
 */
export async function inTransaction<T>(client: ClientBase, beginSql: string, work: () => Promise<T>): Promise<T> {
  try {
    // What follows BEGIN in its query may fail, and leaves the transaction open.
    await client.query(beginSql);
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // A lost connection has rolled back already; what matters is the first error.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
