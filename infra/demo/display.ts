/**
 * What a run shows while it goes on: on stderr what happens, and on stdout, where that is a terminal and no script reads it, the live table.
 */
import type { Terminal } from "../../services/cli/terminal.ts";
import { InPlace, progressLine, tableLines } from "./live-table.ts";
import type { ProgressSample } from "./progress-sample.ts";

/** Milliseconds between plain lines. */
const lineEveryMs = 3000;
/** The rate is counted over so many samples. */
const window = 4;

export class Display {
  readonly #terminal: Terminal;
  readonly #table: InPlace | undefined;
  #samples: ProgressSample[] = [];
  #lineAt = Number.NEGATIVE_INFINITY;

  /** @param live whether there may be a table */
  constructor(terminal: Terminal, live: boolean) {
    this.#terminal = terminal;
    if (live && !terminal.json && process.stdout.isTTY) this.#table = new InPlace((text) => process.stdout.write(text));
  }

  say(line: string): void {
    this.#table?.leave();
    this.#terminal.progress(line);
  }

  show(sample: ProgressSample, title: string): void {
    const before = this.#samples[0] ?? sample;
    this.#samples = [...this.#samples, sample].slice(-window);
    if (this.#table !== undefined) {
      this.#table.paint(tableLines(before, sample, title));
      return;
    }
    if (sample.at - this.#lineAt < lineEveryMs) return;
    this.#lineAt = sample.at;
    this.#terminal.progress(progressLine(before, sample, title));
  }
}
