import { describe, expect, test } from "vitest";
import { MavenOutput } from "../../../infra/local/maven-output.ts";

const output = [
  "[INFO] Scanning for projects...\n",
  "Downloading from central: https://example.org/a.jar\n",
  "Progress (1): 4.1/28 kB\rProgress (1): 28 kB\r                     \rDownloaded from central: https://example.org/a.jar (28 kB at 4.7 MB/s)\n",
  "Progress (2): 45 kB | 0.5/1.6 MB\rProgress (2): 12/109 MB | 0.5/1.6 MB\r",
  "Downloaded from central: https://example.org/b.jar (1.6 MB at 5 MB/s)\n",
  "Progress (1): 45/109 MB\r",
  "[ERROR] Could not find artifact\n",
].join("");

describe("MavenOutput", () => {
  test("counts what has come and shows how far the largest file is, wherever the output is cut", () => {
    for (let cut = 0; cut <= output.length; cut += 1) {
      const said = new MavenOutput();
      said.add(output.slice(0, cut));
      said.add(output.slice(cut));
      expect(said.progress).toBe("2 files, 1.6 MB; 45/109 MB of the next");
    }
  });

  test("of two files it shows the larger", () => {
    const said = new MavenOutput();
    said.add("Progress (2): 0.5/1.6 MB | 12/109 MB\r");
    expect(said.progress).toBe("0 files, 0.0 MB; 12/109 MB of the next");
  });

  test("keeps as the reason what is not about downloads", () => {
    const said = new MavenOutput();
    said.add(output);
    expect(said.lastLines).toBe("[INFO] Scanning for projects...\n  [ERROR] Could not find artifact");
  });
});
