/** The table of docs/cli.md, out of the commands themselves: a page that is written beside them says what they did a version ago. */
import type { Argument, Command } from "commander";

interface Leaf {
  /** As it is typed, with what it takes. */
  readonly typed: string;
  readonly command: Command;
}

/** Those that do something. */
export function leavesOf(command: Command, path: readonly string[] = []): Leaf[] {
  return command.commands.flatMap((each) => {
    const name = [...path, each.name()];
    if (each.commands.length > 0) return leavesOf(each, name);
    return [{ typed: [...name, ...each.registeredArguments.map(argumentText)].join(" "), command: each }];
  });
}

/** As help shows it. */
function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

export function commandTable(program: Command): string {
  const rows = leavesOf(program).map(({ typed, command }) => {
    const flags = command.options.filter(({ hidden }) => !hidden).map((option) => `\`${option.flags}\``);
    return `| \`${typed}\` |${flags.length === 0 ? "" : ` ${flags.join(", ")}`} | ${linked(command.description())} |`;
  });
  return ["| command | options | does |", "|---|---|---|", ...rows].join("\n");
}

/** On a terminal a page is a path; here it is a link. */
function linked(text: string): string {
  return text.replaceAll(/docs\/([\w-]+\.md)(#[\w-]+)?/g, "[$1]($1$2)");
}
