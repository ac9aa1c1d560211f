/** The arguments of `offtake reconcile` and `offtake repair`, which are public (docs/cli.md). */
import { userInfo } from "node:os";
import { type Command, Option } from "commander";
import { formats, type Format, levels, type Level } from "../reconcile/report.ts";
import { type Hashing, hashings } from "../reconcile/row-hash.ts";
import { listenForStop } from "../runtime/stop-signal.ts";
import type { Leave, Open } from "./opened.ts";
import { createTerminal } from "./terminal.ts";

export function addReconcile(program: Command, open: Open, leave: Leave): void {
  program
    .command("reconcile")
    .summary("compare tables of a service with the monolith's, row for row, while both are written; exits with 3 for mismatches")
    .description(
      "compares tables with the monolith's, row for row, while both are written: docs/reconcile.md. `--level` is `basic` (which keys there are), `detailed` (all values, by hashes of ranges; the default) or `strict` (the hash of every row); `--hash` is `representation` (values as they are printed) or `value` (as `=` takes them), of each table that of its configuration where left out; `--format` is `text`, `json` or `csv`",
    )
    .argument("<service>", "of which the tables are")
    .argument("[tables...]", "table or schema.table; all where left out")
    .addOption(new Option("--level <level>", "keys alone, hashes of ranges of rows, or the hash of every row").choices(levels).default("detailed"))
    .addOption(
      new Option(
        "--hash <hash>",
        "values as they are printed, or as they are equal; of each table as the configuration says, where left out",
      ).choices(hashings),
    )
    .addOption(new Option("--format <format>", "of the report").choices(formats).default("text"))
    .action(async (name: string, tables: string[], options: { level: Level; format: Format; hash?: Hashing }) => {
      const { terminal: asked, configuration } = open();
      const terminal = options.format === "json" ? createTerminal(true) : asked;
      const { reconcile } = await import("./reconcile.ts");
      const { object, text, exit } = await reconcile(configuration, name, tables, options, terminal, listenForStop().signal);
      terminal.answer(object, text);
      leave(exit);
    });
  program
    .command("repair")
    .summary("compare tables of a service with the monolith's, publish again what is wrong, and look at it once more")
    .description(
      "such a comparison, and what it finds wrong is published again by the connector, in order with the stream; then each of these rows is looked at once more. Needs a running connector and applier",
    )
    .argument("<service>", "of which the tables are")
    .argument("[tables...]", "table or schema.table; all where left out")
    .option("--dry-run", "say what is wrong, and publish nothing")
    .action(async (name: string, tables: string[], options: { dryRun?: boolean }) => {
      const { terminal, configuration } = open();
      const { repair } = await import("./repair.ts");
      const { object, text, exit } = await repair(
        configuration,
        name,
        tables,
        { dryRun: options.dryRun === true, who: userInfo().username },
        terminal,
        listenForStop().signal,
      );
      terminal.answer(object, text);
      leave(exit);
    });
}
