/**
 * The control process: jobs that somebody has asked for, and what a long-lived installation looks at by itself. Nothing that replicates needs it: it may be killed at any
 * time, and be away for as long as one likes.
 */
import { whileActing } from "../control/acting.ts";
import type { ControlSession } from "../control/control-session.ts";
import { historyEveryMs } from "../control/lag-history.ts";
import { runJobs } from "../control/job-runner.ts";
import { periodically, type Task } from "../control/periodically.ts";
import { Complaints } from "../runtime/complaints.ts";
import type { Configuration } from "../runtime/configuration.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { Unit } from "../runtime/supervisor.ts";
import { check } from "./check.ts";
import type { ControlBoard } from "./control-board.ts";
import { workOnJob } from "./control-jobs.ts";
import { notificationTasks } from "./notifications.ts";
import { troublesOf } from "./installation-health.ts";

export interface ControlParts {
  readonly configuration: Configuration;
  readonly control: ControlSession;
  readonly board: ControlBoard;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Milliseconds that a stop waits for what is under way: what a killed process leaves is found by the next one. */
const drainMs = 8000;

/** Milliseconds in which whatever starts with this process has begun to work: before, every start warned of units that were starting. */
const beginMs = 30_000;

export function controlUnit(parts: ControlParts): Unit {
  const { configuration, control, board, metrics } = parts;
  const log = parts.log.child({ unit: "control" });
  return {
    name: "control",
    run: async ({ working }, signal) => {
      const complaints = new Complaints(log, metrics);
      const tasks = tasksOf(parts, log, complaints);
      const act = async (turn: AbortSignal): Promise<void> => {
        log.info({ tasks: tasks.map(({ name }) => name) }, "acting");
        try {
          await Promise.all(tasks.map(async (task) => periodically(task, complaints, turn)));
        } finally {
          // Another one looks from now on: what this one has seen last would be an alert for as long as it lives.
          metrics.checkFindings.reset();
          board.validation = null;
        }
      };
      const ended = new AbortController();
      // Whoever opens the dashboard of a process that stands by sees the last hour, too.
      const history = periodically(historyTask(board), complaints, AbortSignal.any([signal, ended.signal]));
      const acting = whileActing({ control, installation: configuration.kafka.topicPrefix, complaints, told: working }, act, signal);
      await Promise.race([Promise.all([acting.finally(() => ended.abort()), history]), drained(signal, ended.signal)]);
    },
  };
}

async function drained(stop: AbortSignal, ended: AbortSignal): Promise<void> {
  if (!stop.aborted) await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
  await waitOrStop(drainMs, ended);
}

function historyTask(board: ControlBoard): Task {
  return { name: "history", everyMs: historyEveryMs, run: async () => board.remember() };
}

function tasksOf(parts: ControlParts, log: Log, complaints: Complaints): Task[] {
  const { configuration, control, board, metrics } = parts;
  const connectors = configuration.connectors.map(({ name }) => name);
  const { validateEveryMs, healthEveryMs } = configuration.background;
  return [
    ...notificationTasks(parts),
    {
      name: "jobs",
      everyMs: 1000,
      run: async (signal) => runJobs({ control, connectors, work: async (job) => workOnJob(configuration, job), log, complaints }, signal),
    },
    {
      name: "validation",
      everyMs: validateEveryMs,
      run: async () => {
        const findings = await check(configuration);
        board.validation = { at: new Date().toISOString(), ok: findings.every(({ level }) => level !== "fault"), findings };
        for (const level of ["fault", "warning", "note"] as const)
          metrics.checkFindings.set({ level }, findings.filter((finding) => finding.level === level).length);
        for (const { level, where, what, cure } of findings) if (level === "fault") log.error({ where, cure }, what);
        log.info({ findings: findings.length }, "validated");
      },
    },
    {
      name: "health",
      everyMs: healthEveryMs,
      firstAfterMs: Math.min(healthEveryMs, beginMs),
      run: async () => {
        for (const { what, where } of troublesOf(await board.status())) log.warn({ where }, what);
      },
    },
  ];
}
