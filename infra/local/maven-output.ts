/**
 * What Maven says while it downloads, as one short line.
 *
 * It writes some thousand lines, and its progress with carriage returns; without it, 110 MB on a slow line look like a program that hangs.
 */
import { stripVTControlCharacters } from "node:util";

export class MavenOutput {
  #files = 0;
  #bytes = 0;
  #current = "";
  #rest = "";
  readonly #lines: string[] = [];

  /** Takes output as it comes, cut anywhere. */
  add(text: string): void {
    const parts = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = parts.pop() ?? "";
    for (const part of parts) this.#line(stripVTControlCharacters(part).trim());
  }

  /** `131 files, 43.2 MB; 45/109 MB of the next`: complete files, and how far the largest incomplete one is. */
  get progress(): string {
    const done = `${this.#files} files, ${(this.#bytes / 1e6).toFixed(1)} MB`;
    return this.#current === "" ? done : `${done}; ${this.#current} of the next`;
  }

  /** The last lines that are not about downloads: the reason, when it failed. */
  get lastLines(): string {
    return this.#lines.slice(-15).join("\n  ");
  }

  #line(line: string): void {
    // Downloaded from central: https://… (3.2 MB at 5.1 MB/s)
    const downloaded = /Downloaded from .*\(([\d.]+) ([kMG]?)B at /.exec(line);
    if (downloaded !== null) {
      this.#files += 1;
      this.#bytes += Number(downloaded[1]) * scale(downloaded[2] ?? "");
      this.#current = "";
    } else if (line.includes("Progress (")) {
      // Progress (2): 45 kB | 0.5/1.6 MB
      this.#current = largestOf(line);
    } else if (line !== "" && !line.includes("Downloading from ") && !line.includes("Downloaded from ")) {
      this.#lines.push(line);
    }
  }
}

function largestOf(line: string): string {
  const files = [...line.matchAll(/([\d.]+)\/([\d.]+) ([kMG]?)B/g)];
  const sized = files.map(([text, , total, unit]) => ({ text, size: Number(total) * scale(unit ?? "") }));
  return sized.toSorted((a, b) => b.size - a.size)[0]?.text ?? "";
}

function scale(unit: string): number {
  return { k: 1e3, M: 1e6, G: 1e9 }[unit] ?? 1;
}
