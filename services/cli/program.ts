/**
 * The `offtake` command line: names, arguments and options, which are public (docs/cli.md). Each command is a file of its own; here they get their
 * arguments, and their answers an exit code. A command's own file is loaded when it is asked for: `offtake version` need not know Kafka.
 */
import { userInfo } from "node:os";
import { Command, Option } from "commander";
import { loadConfiguration } from "../runtime/configuration.ts";
import { findConfiguration } from "../runtime/configuration-file.ts";
import { roles, type Role } from "../control/api-keys.ts";
import { refuseFailpoints } from "../runtime/failpoint.ts";
import { createLog } from "../runtime/log.ts";
import { listenForStop } from "../runtime/stop-signal.ts";
import { version } from "../runtime/version.ts";
import { port, positive, runKind } from "./arguments.ts";
import { fromClone } from "./clone-only.ts";
import { addDlq } from "./dlq-commands.ts";
import { addCompletion, addInit } from "./init-commands.ts";
import type { Opened } from "./opened.ts";
import { addReconcile } from "./reconcile-commands.ts";
import type { RunKind } from "./run-units.ts";
import { addSnapshot } from "./snapshot-commands.ts";
import { createTerminal, ExitCode, type Terminal } from "./terminal.ts";

interface Globals {
  readonly config?: string;
  readonly json?: boolean;
}

/** Complete, and not yet parsed. Each action sets the exit code of the process; what goes wrong is thrown. */
export function createProgram(): Command {
  const program = new Command("offtake")
    .description("Carves a PostgreSQL monolith into per-service databases.")
    // Inherited by the commands, so before them.
    .configureHelp({ showGlobalOptions: true })
    .option("--config <file>", "the configuration; else OFFTAKE_CONFIG, else ./offtake.yaml")
    .option("--json", "one JSON object on stdout, as its last line")
    .version(version, "-V, --version")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  addInit(
    program,
    () => terminalOf(program),
    () => program.opts<Globals>().config ?? (process.env["OFFTAKE_CONFIG"] || "offtake.yaml"),
  );
  addOperations(program);
  addSnapshot(program, () => open(program), leave);
  addReconcile(program, () => open(program), leave);
  addPause(program);
  addDlq(program, () => open(program), leave);
  addNotifications(program);
  addConfig(program);
  addStack(program);
  addDemo(program);
  addCompletion(program, () => terminalOf(program));
  program
    .command("version")
    .summary("of Offtake and Node")
    .description("of Offtake and Node")
    .action(() => terminalOf(program).answer({ version, node: process.version }, `offtake ${version} (Node ${process.version})`));
  return program;
}

/** check, up, run, status */
function addOperations(program: Command): void {
  program
    .command("check")
    .summary("look at source, Kafka, registry and targets, change nothing, and say what is missing and how to mend it")
    .description("looks at source, Kafka, registry and targets, changes nothing, and says what is missing and how to mend it")
    .action(async () => {
      const { terminal, configuration } = open(program);
      const { check, checkExit, checkText } = await import("./check.ts");
      const findings = await check(configuration);
      terminal.answer({ ok: findings.every((finding) => finding.level !== "fault"), findings }, checkText(findings));
      leave(checkExit(findings));
    });

  program
    .command("up")
    .summary("create what is missing: publications, slots, topics, schemas offtake; changes nothing that is there")
    .description(
      "creates what is missing: publications, slots, topics, schemas `offtake`, and with the option the targets' tables from the monolith's catalogs. Changes nothing that is there; interrupted, it is run again. `--recover` makes a new slot in place of one that is lost, dropped or made again, and has all tables of its service copied again (docs/mishaps.md#recovering-a-slot); of a slot that is well it changes nothing (`RECOVERY_NOT_NEEDED`), and other connectors are not looked at",
    )
    .option("--create-tables", "the targets' tables too, from the monolith's catalogs")
    .option("--recover <connector>", "a new slot in place of its lost one, and its tables copied again; no other connector is looked at")
    .action(async (options: { createTables?: boolean; recover?: string }) => {
      const { terminal, configuration } = open(program);
      const { signal } = listenForStop();
      const { up, upText } = await import("./up.ts");
      const services = await up(configuration, { createTables: options.createTables === true, recover: options.recover }, terminal, signal);
      terminal.answer({ services }, upText(services));
    });

  program
    .command("run")
    .summary("run connectors, appliers, the reconciler and the control process in the foreground until SIGTERM")
    .description(
      "runs connectors, appliers, reconcilers and the control process in the foreground until SIGTERM or Ctrl-C, then finishes what is on its way. `kind` is `connector`, `applier`, `reconciler` (passes by the schedule of `reconcile` in offtake.yaml, where there is one), `control` (jobs, what is looked at by itself, and the schedules of all reconcilers) or `all`; `names` are connectors for `connector`, else services",
    )
    .argument("[kind]", "connector, applier, reconciler, control or all", runKind, "all")
    .argument("[names...]", "connectors, or services; all where left out")
    .option("--http-port <port>", "of /healthz, /readyz and /metrics; 0 for a free one", port)
    .action(async (kind: RunKind, names: string[], options: { httpPort?: number }) => {
      const { terminal, configuration } = open(program);
      const { signal } = listenForStop();
      const { run } = await import("./run.ts");
      const stopped = await run(configuration, { kind, names, httpPort: options.httpPort }, createLog(), signal);
      if (terminal.json) terminal.answer({ stopped }, "");
      leave(stopped ? ExitCode.done : ExitCode.failed);
    });

  program
    .command("status")
    .summary("per service: where the monolith, the topic and the target are, lag, and how the slot is")
    .description(
      "where each service is, read from the servers themselves, so that it is true while no process of Offtake runs. `--watch` again every second until Ctrl-C",
    )
    .option("--watch", "again every second, until it is stopped")
    .action(async (options: { watch?: boolean }) => {
      const { terminal, configuration } = open(program);
      const { status, watchStatus } = await import("./status.ts");
      if (options.watch === true) await watchStatus(configuration, terminal, listenForStop().signal);
      else {
        const { object, text, exit } = await status(configuration);
        terminal.answer(object, text);
        leave(exit);
      }
    });
}

function addPause(program: Command): void {
  program
    .command("pause")
    .summary("stop applying to a service, until it is resumed; capture goes on")
    .description(
      "stops applying to a service until it is resumed, restarts included. Capture goes on: changes wait in the topic, and the slot moves on. The applier stops within seconds",
    )
    .argument("<service>", "whose applier stops")
    .action(async (name: string) => {
      const { terminal, configuration } = open(program);
      const { pause } = await import("./pause.ts");
      const { object, text } = await pause(configuration, name, userInfo().username);
      terminal.answer(object, text);
    });
  program
    .command("resume")
    .summary("apply to a service again, from where it was paused")
    .description("applies again, from where it was paused")
    .argument("<service>", "whose applier goes on")
    .action(async (name: string) => {
      const { terminal, configuration } = open(program);
      const { resume } = await import("./pause.ts");
      const { object, text } = await resume(configuration, name, userInfo().username);
      terminal.answer(object, text);
    });
}

function addNotifications(program: Command): void {
  program
    .command("notifications")
    .description("webhooks that are told what is not well")
    .command("test")
    .summary("tell them that somebody wants to know whether it arrives")
    .description(
      "tells the webhooks of `notifications`, all where none is named, that somebody wants to know whether it arrives; the exit code is 1 where one could not be told",
    )
    .argument("[webhooks...]", "names of `notifications`; all where left out")
    .action(async (names: string[]) => {
      const { terminal, configuration } = open(program);
      const { testNotifications } = await import("./notifications.ts");
      const { object, text, exit } = await testNotifications(configuration, names);
      terminal.answer(object, text);
      leave(exit);
    });
}

function addConfig(program: Command): void {
  const config = program.command("config").description("show the configuration");
  config
    .command("print")
    .summary("as it is understood, defaults filled in, secrets redacted")
    .description("the configuration as it is understood, defaults filled in, secrets redacted")
    .action(async () => {
      const { terminal, configuration } = open(program);
      const { printedConfiguration } = await import("./config.ts");
      const { object, text } = printedConfiguration(configuration);
      terminal.answer(object, text);
    });
  config
    .command("schema")
    .summary("the JSON Schema that editors complete and check offtake.yaml with")
    .description("the JSON Schema that editors complete and check offtake.yaml with")
    .action(async () => {
      const { configurationSchema } = await import("./config.ts");
      const schema = configurationSchema();
      terminalOf(program).answer(schema, JSON.stringify(schema, null, 2));
    });
  config
    .command("api-key")
    .summary("a new key of the HTTP API: shown once, and its hash for `http.apiKeys`")
    .description(
      "a new key of the HTTP API (docs/http-api.md): shown once, with its hash for `http.apiKeys`. `--role` is `viewer` (the default), `operator` or `admin`",
    )
    .argument("<name>", "who gets it: the audit names them")
    .addOption(new Option("--role <role>", "what it may do").choices(roles).default("viewer"))
    .action(async (name: string, options: { role: Role }) => {
      const { apiKey } = await import("./config.ts");
      const { object, text } = apiKey(name, options.role);
      terminalOf(program).answer(object, text);
    });
}

function addStack(program: Command): void {
  const stack = program.command("stack").description("real servers on this machine to try things with: PostgreSQL, Kafka, schema registry");
  stack
    .command("up")
    .summary("start them; they go on after the command has ended")
    .description("starts PostgreSQL, Kafka and a schema registry on this machine; they go on after the command has ended")
    .action(async () => {
      const terminal = terminalOf(program);
      const { up } = await import("./stack.ts");
      const answer = await up(terminal);
      terminal.answer(answer.object, answer.text);
    });
  stack
    .command("down")
    .summary("stop them and remove their data")
    .description("stops them and removes their data")
    .action(async () => {
      const terminal = terminalOf(program);
      const { down } = await import("./stack.ts");
      const answer = await down(terminal);
      terminal.answer(answer.object, answer.text);
    });
  stack
    .command("status")
    .summary("which of them answer, and where")
    .description("which of them answer, and where")
    .action(async () => {
      const { status, stackText } = await import("./stack.ts");
      const answer = await status();
      terminalOf(program).answer(answer.object, stackText(answer));
      leave(answer.object.up ? ExitCode.done : ExitCode.no);
    });
}

function addDemo(program: Command): void {
  program
    .command("demo")
    .summary("a trading monolith, carved into five services before your eyes, with the proof at the end")
    .description("a trading monolith, carved into five services: docs/demo.md")
    .option("--once", "load, drain, prove, and end; no live table")
    .option("--hold", "keep everything running at the end, to play with")
    .option("--rows <n>", "row changes that the load commits", positive)
    .option("--seconds <n>", "how long the load runs", positive)
    .addOption(new Option("--seed <n>", "of the load").argParser(positive).default(1))
    .action(async (options: { once?: boolean; hold?: boolean; rows?: number; seconds?: number; seed: number }) => {
      const terminal = terminalOf(program);
      const { demo } = await fromClone("demo", async () => import("../../infra/demo/demo.ts"));
      leave(await demo({ ...options, once: options.once === true, hold: options.hold === true }, terminal, listenForStop().signal));
    });
}

function terminalOf(program: Command): Terminal {
  return createTerminal(program.opts<Globals>().json === true);
}

function open(program: Command): Opened {
  const configuration = loadConfiguration(findConfiguration(program.opts<Globals>().config, process.env), process.env);
  refuseFailpoints(configuration.mode);
  return { terminal: terminalOf(program), configuration };
}

function leave(code: ExitCode): void {
  process.exitCode = code;
}
