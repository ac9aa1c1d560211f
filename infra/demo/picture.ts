/**
 * The flow, drawn: which tables go where.
 */
import type { ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { databaseOf } from "./run-folder.ts";

interface Pictured {
  readonly services: readonly Pick<ServiceConfiguration, "name" | "topic">[];
}

/** @param tables of each service */
export function picture({ services }: Pictured, tables: ReadonlyMap<string, readonly { readonly table: string }[]>): string {
  const rows = services.map(({ name, topic }) => ({ tables: (tables.get(name) ?? []).map(({ table }) => table), topic, database: databaseOf(name) }));
  const width = Math.max(...rows.flatMap((row) => row.tables.map((table) => table.length)));
  const topicWidth = Math.max(...rows.map(({ topic }) => topic.length));
  const lines = rows.flatMap((row) =>
    row.tables.map((table, i) => {
      const last = i === row.tables.length - 1;
      const joint = row.tables.length === 1 ? "──" : i === 0 ? "─┐" : last ? "─┴" : "─┤";
      const flow = last ? `──> ${`${row.topic} `.padEnd(topicWidth + 2, "─")}──> ${row.database}` : "";
      return `  ${`${table} `.padEnd(width + 2, "─")}${joint}${flow}`;
    }),
  );
  const head = `  ${"monolith".padEnd(width + 8)}${"Kafka topic".padEnd(topicWidth + 6)}database`;
  return ["", head, ...lines, ""].join("\n");
}
