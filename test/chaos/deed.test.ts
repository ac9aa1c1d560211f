import { expect, test } from "vitest";
import { accounts, total } from "./bank.ts";
import { bodyOf, type Deed, factsOf, md5 } from "./deed.ts";
import { Ledger } from "./ledger.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const deed = (id: number, changes: Deed["changes"] = []): Deed => ({ id, from: 1, to: 2, amount: 30, changes });

test("the rows are the sum of the deeds", () => {
  const facts = factsOf([
    deed(1, [
      { note: 1, origin: 1, long: false, touched: 0 },
      { run: 1, size: 2, mark: 0 },
    ]),
    deed(2, [{ noNote: 1 }, { note: 2, origin: 1, long: false, touched: 2 }]),
    deed(3, [{ noRun: 1 }, { run: 3, size: 2, mark: 0 }]),
  ]);
  expect([...facts.account].slice(0, 3)).toEqual(["1 910 3", "2 1090 3", "3 1000 0"]);
  expect([...facts.account].reduce((sum, fact) => sum + Number(fact.split(" ")[1]), 0)).toBe(total);
  expect(facts.account.size).toBe(accounts);
  expect([...facts.transfer]).toEqual(["1 1 2 30", "2 1 2 30", "3 1 2 30"]);
  expect([...facts.note]).toEqual([`2 2 ${md5(bodyOf(1, false))}`]);
  expect([...facts.posting]).toEqual(["3 1 2 0", "3 2 2 0"]);
});

test("what is in doubt counts where the source has it, in the order of its clerk; and all of it is on disk", async () => {
  await using folder = await temporaryFolder();
  const ledger = new Ledger(join(folder.path, "ledger"));
  ledger.acknowledge(deed(1));
  ledger.doubt(deed(2));
  ledger.doubt(deed(3));
  ledger.acknowledge(deed(4));
  expect(ledger.committed(new Set([1, 3, 4])).map(({ id }) => id)).toEqual([1, 3, 4]);
  const written = readFileSync(join(folder.path, "ledger"), "utf8").trim().split("\n");
  expect(written.map((line) => JSON.parse(line).what)).toEqual(["acknowledged", "in doubt", "in doubt", "acknowledged"]);
  ledger.close();
});
