/** docs/cli.md, as far as tests hold the program against it. */
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

/** The table whose header begins with this cell: the cells of each row, backquotes included. */
export function documentedTable(header: string): string[][] {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.startsWith(`| ${header} |`));
  const rows = lines.slice(first + 2);
  const length = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, length).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backquotes. */
export function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

/** The example of a command's answer. */
export function documentedAnswer(command: string): unknown {
  const block = new RegExp(`^\`\`\`json ${command}\n(.*?)^\`\`\``, "ms").exec(text);
  return JSON.parse(block?.[1] ?? "");
}

/** The names in it, however deep, as `services[].lag.apply.bytes`. */
export function namesIn(value: unknown, path = ""): string[] {
  // Of what is in an empty list nothing can be said.
  if (Array.isArray(value) && value.length === 0) return [`${path}[]`];
  if (Array.isArray(value)) return [...new Set(value.flatMap((each) => namesIn(each, `${path}[]`)))].toSorted();
  if (typeof value !== "object" || value === null) return [path];
  return [...new Set(Object.entries(value).flatMap(([name, each]) => namesIn(each, path === "" ? name : `${path}.${name}`)))].toSorted();
}
