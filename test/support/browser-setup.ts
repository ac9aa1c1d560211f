/**
 * Chromium, before the first test begins: it may have to be installed, which takes longer than a test may, and no two files may do that at once.
 */
import { chromium } from "./chromium.ts";

export default function setup(): void {
  process.stdout.write("browser: Chromium is looked for, and installed where it is not there\n");
  process.stdout.write(`browser: ${chromium()}\n`);
}
