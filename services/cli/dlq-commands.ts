/** The arguments of `offtake dlq`, which are public (docs/cli.md). */
import { type Command, Option } from "commander";
import type { Leave, Open } from "./opened.ts";

export function addDlq(program: Command, open: Open, leave: Leave): void {
  const dlq = program.command("dlq").description("events that a target has refused, of tables with `poison: park`, and those that wait behind them");
  const service = "whose target it is";
  dlq
    .command("list")
    .summary("the first event of each queue, why it was refused, and how many wait behind it")
    .description(
      "events that the service's target has refused, of tables with `poison: park`: the first of each queue, why, and how many wait behind it: docs/dead-letters.md",
    )
    .argument("<service>", service)
    .action(async (name: string) => {
      const { terminal, configuration } = open();
      const { listDeadLetters } = await import("./dlq.ts");
      const { object, text } = await listDeadLetters(configuration, name);
      terminal.answer(object, text);
    });
  dlq
    .command("show")
    .summary("the events of a queue, with their rows")
    .description("the first hundred events of the queue, with their rows")
    .argument("<service>", service)
    .argument("<id>", "of an event of the queue")
    .action(async (name: string, id: string) => {
      const { terminal, configuration } = open();
      const { showDeadLetters } = await import("./dlq.ts");
      const { object, text } = await showDeadLetters(configuration, name, id);
      terminal.answer(object, text);
    });
  dlq
    .command("replay")
    .summary("apply queues, each in its order and in one transaction; where an event is refused again nothing of its queue changes")
    .description(
      "applies queues, all where none is named, each in its order and in one transaction, and frees their keys. Where an event is refused again nothing of its queue changes, and the exit code is 1",
    )
    .argument("<service>", service)
    .argument("[ids...]", "of events of the queues; all where left out")
    .action(async (name: string, ids: string[]) => {
      const { terminal, configuration } = open();
      const { replayDeadLetters } = await import("./dlq.ts");
      const { object, text, exit } = await replayDeadLetters(configuration, name, ids);
      terminal.answer(object, text);
      leave(exit);
    });
  dlq
    .command("skip")
    .summary("drop the first event of a queue; it is never applied")
    .description(
      "drops the first event of a queue, with `--all` the whole queue: it is never applied. Who did it, and when, stays in `offtake.dead_letter`, and as of `replay` in the audit, with the `--reason`",
    )
    .argument("<service>", service)
    .argument("<id>", "of that event")
    .addOption(new Option("--all", "all of its queue").default(false))
    .option("--reason <text>", "for the audit")
    .action(async (name: string, id: string, options: { all: boolean; reason?: string }) => {
      const { terminal, configuration } = open();
      const { skipDeadLetters } = await import("./dlq.ts");
      const { object, text } = await skipDeadLetters(configuration, name, id, options);
      terminal.answer(object, text);
    });
}
