import { expect, test } from "vitest";
import { CopyWait } from "../../../connectors/postgres/copy-wait.ts";

test("what a copy waits for is said once it has taken a second, and once more when it is over", async () => {
  const said: (string | undefined)[] = [];
  const wait = new CopyWait(async (what) => void said.push(what));
  await wait.waits(900, "short");
  await wait.over();
  await wait.waits(900, "first");
  expect(said).toEqual([]);
  await wait.waits(100, "second");
  await wait.waits(5000, "third");
  expect(said).toEqual(["second"]);
  await wait.over();
  await wait.over();
  expect(said).toEqual(["second", undefined]);
});
