/**
 * `offtake demo`: real servers, a trading monolith, five services, the product as its user runs it, a load, and at the end the proof.
 *
 * Whatever happens, what was started ends: at the end of the run, at Ctrl-C, when any part fails. A failure is never an answer: it says what failed and
 * where the logs are, and no figure is printed for what was not done.
 */
import type { ExitCode, Terminal } from "../../services/cli/terminal.ts";
import { asOfftakeError, messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { LocalStack } from "../local/stack.ts";
import { carve } from "./carve.ts";
import { Display } from "./display.ts";
import { dashboardAddress, holdText } from "./hold-text.ts";
import { grouped } from "./live-table.ts";
import { Load } from "./load.ts";
import { RunningOfftake } from "./offtake-process.ts";
import { picture } from "./picture.ts";
import { keepLogs } from "./run-folder.ts";
import { openScene, type Scene } from "./scene.ts";
import { silentServers } from "./server-watch.ts";
import { show, type ShowOptions, steadyRate } from "./show.ts";
import { setStage, type Stage, startServers } from "./stage.ts";
import { together } from "./together.ts";
import { type Evidence, exitCodeOf, verdictOf, verdictText } from "./verdict.ts";
import { watch } from "./watch.ts";

export interface DemoOptions extends ShowOptions {
  /** No live table. */
  readonly once: boolean;
  /** Keep everything running after the proof, until it is stopped. */
  readonly hold: boolean;
}

/** @throws OfftakeError DEMO_FAILED, DEMO_STOPPED, and those of the local stack */
export async function demo(options: DemoOptions, terminal: Terminal, signal: AbortSignal): Promise<ExitCode> {
  const display = new Display(terminal, !options.once);
  try {
    display.say("Starting a PostgreSQL for the monolith and one for the services, Kafka and a schema registry");
    const stack = await startServers((line) => display.say(`  ${line}`), signal);
    let evidence: Evidence;
    try {
      evidence = await perform(await setStage(stack), options, { terminal, display }, signal);
    } catch (error) {
      throw signal.aborted ? error : await failure(error, stack);
    } finally {
      await stack.stop();
    }
    if (!options.hold) answer(evidence, terminal);
    return exitCodeOf(verdictOf(evidence));
  } catch (error) {
    throw signal.aborted
      ? new OfftakeError("DEMO_STOPPED", "The demo was stopped before its end. Nothing of it is left running.", { cause: error })
      : error;
  }
}

interface Faces {
  readonly terminal: Terminal;
  readonly display: Display;
}

/** Runs the product from its first command to its end. */
async function perform(stage: Stage, options: DemoOptions, faces: Faces, signal: AbortSignal): Promise<Evidence> {
  const say = (line: string): void => faces.display.say(line);
  say(`The monolith has its tables, and there are ${stage.configuration.services.length} empty databases. Configuration: ${stage.configFile}`);
  await carve(stage.configFile, say, signal);
  const running = new RunningOfftake(stage.configFile, stage.logFile);
  try {
    await using scene = await openScene(stage, options.seed);
    say(picture(stage.configuration, scene.tables));
    await Promise.race([scene.health.untilReady(signal), running.died]);
    say(`offtake run all: 5 connectors and 5 appliers at work, process ${running.pid}`);
    say(`Dashboard: ${dashboardAddress(stage)}`);
    const evidence = await untilDeath(running, signal, async (stop) => show(scene, options, faces.display, stop));
    if (options.hold) await hold(scene, running, options, evidence, faces, signal);
    await running.stop();
    return evidence;
  } finally {
    await running.kill();
  }
}

/** Ends the work when the product ends. */
async function untilDeath<T>(running: RunningOfftake, signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  let worked: Promise<T> | undefined;
  await together(signal, (stop) => {
    worked = work(stop);
    return [Promise.race([worked, running.died])];
  });
  if (worked === undefined) throw new OfftakeError("INTERNAL", "Nothing was started.");
  return worked;
}

/** Shows the proof, and goes on with another load until it is stopped. */
async function hold(
  scene: Scene,
  running: RunningOfftake,
  options: DemoOptions,
  evidence: Evidence,
  { terminal, display }: Faces,
  signal: AbortSignal,
): Promise<void> {
  const { stage, probes } = scene;
  answer(evidence, terminal);
  display.say(holdText(stage));
  // Another seed, since the keys of the first one are taken.
  const load = new Load({ source: stage.configuration.source.url, seed: -options.seed, changesPerSecond: steadyRate });
  const title = (): string => `held: ${grouped(load.ledger.changes)} row changes committed since the proof; Ctrl-C ends everything`;
  // Whoever plays with the monolith's rows may take some that the load needs.
  const loading = async (stop: AbortSignal): Promise<void> =>
    load.run(stop).catch((error: unknown) => display.say(`the load has ended: ${messageOf(error)}`));
  await untilDeath(running, signal, async (stop) =>
    together(stop, (each) => [loading(each), probes.run(each, each), watch(scene, display, title, each)]),
  );
}

function answer(evidence: Evidence, terminal: Terminal): void {
  terminal.answer({ ...verdictOf(evidence) }, verdictText(evidence));
  if (terminal.json) terminal.progress(verdictText(evidence));
}

/** What failed, and where the logs are. A server that is gone is the cause of whatever else is. */
async function failure(error: unknown, stack: LocalStack): Promise<OfftakeError> {
  const silent = [...(await silentServers(stack))].map(([name, reason]) => `${name} does not answer: ${reason}.`);
  const { code, line, message } = asOfftakeError(error);
  const what = silent.length > 0 ? silent.join(" ") : code === "DEMO_FAILED" ? message : line;
  return new OfftakeError("DEMO_FAILED", what, { cause: error, cure: `Logs of the run and its servers: ${await keepLogs(stack.folder)}` });
}
