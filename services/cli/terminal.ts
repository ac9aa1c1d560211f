/**
 * What a command says: its answer on stdout, once, as text or as one JSON object on the last line; everything else on stderr.
 *
 * Source: docs/cli.md; https://no-color.org.
 */
export interface Terminal {
  readonly json: boolean;
  /** A line that tells how far it is: stderr. */
  progress(line: string): void;
  /** The answer. Called once, at the end. */
  answer(object: Readonly<Record<string, unknown>>, text: string): void;
}

export function createTerminal(json: boolean): Terminal {
  return {
    json,
    progress: (line) => void process.stderr.write(`${line}\n`),
    answer: (object, text) => void process.stdout.write(json ? `${JSON.stringify(object)}\n` : `${text}\n`),
  };
}

/** Exit codes of every command. */
export const ExitCode = { done: 0, failed: 1, usage: 2, no: 3, unreachable: 4 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
