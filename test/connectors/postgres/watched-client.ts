import type { Client } from "pg";

/** The same session; `before` sees the text of every query first, and is waited for. */
export function watchedClient(client: Client, before: (sql: string) => Promise<void> | void): Client {
  return new Proxy(client, {
    get: (target, property) => {
      if (property !== "query") return Reflect.get(target, property);
      return async (sql: string, values?: unknown[]) => {
        await before(sql);
        return target.query(sql, values);
      };
    },
  });
}
