/** Questions on a terminal, one at a time. Whoever ends the input, with Ctrl-D or Ctrl-C, ends the command: an answer that was never given is not taken as a yes. */
import { createInterface, type Interface } from "node:readline/promises";
import { interrupted } from "../runtime/errors.ts";

export class Questions implements Disposable {
  readonly #lines: Interface;
  readonly #ended = new AbortController();

  /** @param output where the questions are shown: stderr, since stdout has the answer */
  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#lines = createInterface({ input, output });
    this.#lines.once("close", () => this.#ended.abort());
  }

  /**
   * @returns what was typed, without spaces around it; what is offered where that is nothing
   * @throws OfftakeError INTERRUPTED
   */
  async ask(question: string, offered: string): Promise<string> {
    if (this.#ended.signal.aborted) throw interrupted("all questions were answered");
    try {
      const answer = await this.#lines.question(`${question} [${offered}]: `, { signal: this.#ended.signal });
      return answer.trim() === "" ? offered : answer.trim();
    } catch (error) {
      throw this.#ended.signal.aborted ? interrupted("all questions were answered") : error;
    }
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }
}
