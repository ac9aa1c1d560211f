/** The commands that come before there is a configuration: `init`, which writes one, and `completion`. */
import { type Command, Argument } from "commander";
import { OfftakeError } from "../runtime/errors.ts";
import { shells, type Shell } from "./completion.ts";
import type { Terminal } from "./terminal.ts";

interface InitFlags {
  readonly source: string;
  readonly brokers: string;
  readonly registry: string;
  readonly yes?: boolean;
}

/** @param file to be written: that of --config or OFFTAKE_CONFIG, else ./offtake.yaml */
export function addInit(program: Command, terminalOf: () => Terminal, file: () => string): void {
  program
    .command("init")
    .summary("read a monolith's catalogs, ask which service owns which tables, and write an offtake.yaml to begin with")
    .description(
      "reads a monolith's catalogs, shows its tables with size, key, writers and foreign keys, asks which service owns which, and writes an offtake.yaml to begin with, where there is none. What cannot be replicated as it is stands in it as a comment, with the cure. `--source` is where the monolith's URL is, `env:NAME` or `file:path`; `--yes` takes what is suggested along the foreign keys",
    )
    .option("--source <reference>", "env:NAME or file:path of the monolith's URL", "env:OFFTAKE_SOURCE_URL")
    .option("--brokers <list>", "host:port of Kafka's brokers, with commas", "127.0.0.1:9092")
    .option("--registry <url>", "Confluent API of the schema registry", "http://127.0.0.1:8081")
    .option("--yes", "take what is suggested, and ask nothing")
    .action(async ({ source, brokers, registry, yes }: InitFlags) => {
      const terminal = terminalOf();
      const options = { file: file(), source, brokers: brokers.split(","), registry };
      const { init } = await import("./init.ts");
      if (yes !== true && !process.stdin.isTTY)
        throw new OfftakeError("USAGE", "init asks which service owns what, and stdin is no terminal.", {
          cure: "Run it on a terminal, or take what it suggests with --yes and change the file.",
        });
      const { Questions } = await import("./questions.ts");
      using questions = yes === true ? undefined : new Questions(process.stdin, process.stderr);
      const { object, text } = await init(options, process.env, terminal, questions && (async (...asked) => questions.ask(...asked)));
      terminal.answer(object, text);
    });
}

export function addCompletion(program: Command, terminalOf: () => Terminal): void {
  program
    .command("completion")
    .summary("a script that completes commands and options: source <(offtake completion bash)")
    .description("a script that completes commands and options in `bash`, `zsh` or `fish`; its first line says how it is loaded")
    .addArgument(new Argument("<shell>", "the shell that is to load it").choices(shells))
    .action(async (shell: Shell) => {
      const { completionScript } = await import("./completion.ts");
      const script = completionScript(program, shell);
      terminalOf().answer({ shell, script }, script.trimEnd());
    });
}
