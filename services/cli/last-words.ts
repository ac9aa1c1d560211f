/**
 * What is said of an error that nobody has caught: one line with its code, and where it happened. Node would print the error with all that hangs on it, and on those of
 * clients and URLs hang the options of a connection, password included.
 */
import { asOfftakeError } from "../runtime/errors.ts";
import { loggedError } from "../runtime/logged-error.ts";
import { withoutPasswords } from "../runtime/secret.ts";
import { ExitCode } from "./terminal.ts";

/** From now on. A promise that was rejected and that nobody waits for is one of them. */
export function sayLastWords(): void {
  process.on("uncaughtException", (thrown) => {
    process.stderr.write(lastWords(thrown));
    process.exit(ExitCode.failed);
  });
}

/** Code, message, cure and, of a fault of Offtake, the stack; without anything else that the error has. */
export function lastWords(thrown: unknown): string {
  const error = asOfftakeError(thrown);
  const { stack, cause } = loggedError(error);
  const trace = error.code === "INTERNAL" ? `\n${cause?.stack ?? stack ?? ""}` : "";
  return `${withoutPasswords(`${error.line}${trace}`)}\n`;
}
