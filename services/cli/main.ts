#!/usr/bin/env node
/** The `offtake` command: runs the command line, and says of what goes wrong what it is, in words or as JSON, and as an exit code. */
import "../runtime/heap.ts";
import { CommanderError } from "commander";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import { exitCodeOf } from "./exit-code.ts";
import { lastWords, sayLastWords } from "./last-words.ts";
import { createProgram } from "./program.ts";
import { ExitCode } from "./terminal.ts";

sayLastWords();
try {
  await createProgram().parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) refuse(asOfftakeError(thrown), thrown);
  // Help and version were asked for, and have been shown.
  else if (thrown.exitCode === 0) process.exitCode = ExitCode.done;
  // What commander had to say is on stderr already; a script that asked for JSON gets it, too.
  else {
    answerError(usageError(thrown));
    process.exitCode = ExitCode.usage;
  }
}

function usageError({ code, message }: CommanderError): OfftakeError {
  // Commander has shown its help instead of an error.
  const what = code === "commander.help" ? "The command is missing, or is not one." : message.replace(/^error: /, "").replaceAll("\n", " ");
  return new OfftakeError("USAGE", what, { cure: "`offtake help` lists the commands, `offtake help <command>` what one takes." });
}

function refuse(error: OfftakeError, thrown: unknown): void {
  answerError(error);
  process.stderr.write(lastWords(thrown));
  process.exitCode = exitCodeOf(error);
}

/** With --json, which commander has not seen where it stopped before. */
function answerError({ code, message, cure }: OfftakeError): void {
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: { code, message, cure } })}\n`);
}
