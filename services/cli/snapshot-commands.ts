/** The arguments of `offtake snapshot`, which are public (docs/cli.md). */
import type { Command } from "commander";
import { listenForStop } from "../runtime/stop-signal.ts";
import type { Leave, Open } from "./opened.ts";
import { ExitCode } from "./terminal.ts";

export function addSnapshot(program: Command, open: Open, leave: Leave): void {
  const snapshot = program.command("snapshot").description("copies of tables that had rows before the stream, or are to be copied again");
  const service = "of which the tables are";
  snapshot
    .command("start")
    .summary("ask its connector to copy tables, beside the stream; what is there is written over, and nothing is deleted")
    .description(
      "asks the service's connector to copy tables beside the stream, those that are marked as not copied where none is named: what is at the target is written over, and nothing is deleted. It comes back at once; a copy goes on where it was after whatever has ended it",
    )
    .argument("<service>", service)
    .argument("[tables...]", "table or schema.table; those that are marked as not copied where left out")
    .action(async (name: string, tables: string[]) => {
      const { terminal, configuration } = open();
      const { startSnapshot } = await import("./snapshot.ts");
      const { object, text } = await startSnapshot(configuration, name, tables);
      terminal.answer(object, text);
    });
  snapshot
    .command("status")
    .summary("which tables are being copied, how far, how fast and for how long still")
    .description(
      "which tables are being copied, how far, how fast and for how long still; exit code 1 where one has failed. `--watch` waits until the target has all of them, and on a terminal shows how far they are in one line",
    )
    .argument("<service>", service)
    .argument("[tables...]", "table or schema.table; all where left out")
    .option("--watch", "wait until the target has all copies, with a line of progress on a terminal")
    .action(async (name: string, tables: string[], options: { watch?: boolean }) => {
      const { terminal, configuration } = open();
      const { snapshotStatus } = await import("./snapshot.ts");
      if (options.watch === true) {
        const { terminalLine, untilCopied } = await import("./watch-snapshot.ts");
        await untilCopied(configuration, name, tables, terminalLine(process.stderr), listenForStop().signal);
      }
      const { object, text } = await snapshotStatus(configuration, name, tables);
      terminal.answer(object, text);
      leave(object.tables.some(({ state }) => state === "failed") ? ExitCode.failed : ExitCode.done);
    });
  snapshot
    .command("cancel")
    .summary("end copies that wait or are under way; what is copied stays")
    .description("ends copies that wait or are under way. What is copied stays, and so does the mark")
    .argument("<service>", service)
    .argument("[tables...]", "table or schema.table; all where left out")
    .action(async (name: string, tables: string[]) => {
      const { terminal, configuration } = open();
      const { cancelSnapshot } = await import("./snapshot.ts");
      const { object, text } = await cancelSnapshot(configuration, name, tables);
      terminal.answer(object, text);
    });
}
