/**
 * `offtake completion`: a script that completes commands and options in a shell. It is made of the commands themselves, so that it cannot name one that is not there;
 * it is made anew with each version, and asks nobody while somebody types.
 *
 * Pure. Source: bash(1), "Programmable Completion"; zshcompsys(1); fish, "complete".
 */
import type { Command } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A command with commands of its own below it, or one that does something. */
interface Place {
  /** Names from the program down; empty for the program itself. */
  readonly path: readonly string[];
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
}

interface Word {
  readonly word: string;
  readonly description: string;
  /** Of an option that takes one of a few. */
  readonly choices?: readonly string[] | undefined;
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, [], visibleOptions(program));
  if (shell === "fish") return fishScript(program.name(), places);
  return shell === "bash" ? bashScript(program.name(), places) : zshScript(program.name(), places);
}

/** @param inherited options that every command takes */
function placesOf(command: Command, path: readonly string[], inherited: readonly Word[]): Place[] {
  const below = command.commands.filter((each) => !isHidden(command, each));
  const own = path.length === 0 ? [] : visibleOptions(command);
  return [
    {
      path,
      commands: [
        ...below.map((each) => ({ word: each.name(), description: each.summary() || each.description() })),
        ...command.registeredArguments.flatMap(({ argChoices, description }) => (argChoices ?? []).map((word) => ({ word, description }))),
      ],
      options: [...own, ...inherited],
    },
    ...below.flatMap((each) => placesOf(each, [...path, each.name()], inherited)),
  ];
}

/** Commander tells of hidden commands only through its help. */
function isHidden(parent: Command, command: Command): boolean {
  return !parent.createHelp().visibleCommands(parent).includes(command);
}

function visibleOptions(command: Command): Word[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description, argChoices }) => ({ word: long ?? short ?? "", description, choices: argChoices }));
}

/** Which place a line is at: options and arguments in between are passed over. */
function walk(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(" ")}"`);
  return `case "\${at:+$at }$each" in ${known.join(" | ")}) at="\${at:+$at }$each" ;; esac`;
}

function wordsOf({ commands, options }: Place): string {
  return [...commands, ...options].map(({ word }) => word).join(" ");
}

/** What follows an option that takes one of a few. */
function choicesOf(places: readonly Place[]): { readonly at: string; readonly choices: readonly string[] }[] {
  return places.flatMap(({ path, options }) =>
    options.flatMap(({ word, choices }) => (choices === undefined ? [] : [{ at: `"${[...path, word].join(" ")}"`, choices }])),
  );
}

function bashScript(name: string, places: readonly Place[]): string {
  return `# ${name}: completion for bash. Load it with: source <(${name} completion bash)
_${name}() {
  local at="" each words
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    ${walk(places)}
  done
  case "$at" in
${places.map((place) => `    "${place.path.join(" ")}") words="${wordsOf(place)}" ;;`).join("\n")}
  esac
  case "$at \${COMP_WORDS[COMP_CWORD-1]}" in
${choicesOf(places)
  .map(({ at, choices }) => `    ${at}) words="${choices.join(" ")}" ;;`)
  .join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`;
}

function zshScript(name: string, places: readonly Place[]): string {
  const cases = places.map((place) => {
    const described = [...place.commands, ...place.options].map(({ word, description }) => quoted(`${word}:${description}`));
    return `    "${place.path.join(" ")}") words_here=(${described.join(" ")}) ;;`;
  });
  return `#compdef ${name}
# ${name}: completion for zsh. Load it with: source <(${name} completion zsh)
_${name}() {
  local at="" each
  local -a words_here
  for each in "\${(@)words[2,CURRENT-1]}"; do
    ${walk(places)}
  done
  case "$at" in
${cases.join("\n")}
  esac
  case "$at \${words[CURRENT-1]}" in
${choicesOf(places)
  .map(({ at, choices }) => `    ${at}) words_here=(${choices.join(" ")}) ;;`)
  .join("\n")}
  esac
  _describe ${name} words_here || _files
}
compdef _${name} ${name}
`;
}

function fishScript(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const seen = path.map((each) => `__fish_seen_subcommand_from ${each}`);
    const notBelow = commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.map(({ word }) => word).join(" ")}`];
    const when = quoted([...seen, ...notBelow].join("; and "));
    return [
      ...commands.map(({ word, description }) => `complete -c ${name} -f -n ${when} -a ${word} -d ${quoted(description)}`),
      ...options.map(({ word, description, choices }) => {
        const taken = choices === undefined ? "" : ` -x -a ${quoted(choices.join(" "))}`;
        return `complete -c ${name} -n ${when} -l ${word.replace(/^--/, "")}${taken} -d ${quoted(description)}`;
      }),
    ];
  });
  return `# ${name}: completion for fish. Load it with: ${name} completion fish | source\n${lines.join("\n")}\n`;
}

/** For zsh and fish alike: no description has a backslash, and a quote is written as zsh takes it, which fish joins to the same word. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
