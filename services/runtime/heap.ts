/**
 * Keeps a process that runs for months small. Imported before everything else, since what has grown does not shrink.
 *
 * V8's nursery keeps the size that it begins with. It would grow to 32 MB while modules load and stay there, for a process that makes no object per row: 104 MB
 * instead of 126 at the start, and 40 MB less under load, at the same speed (docs/benchmarks.md). In a process that is to run for long it has 2 MB, in two halves, since V8 lets
 * twice that of what sockets have read lie about before it looks: rows of 2 KB left 30 MB of it.
 *
 * The nursery is cleaned by the main thread alone. Helpers made it no quicker: it is small, and on a machine whose cores are full the main thread waited for a helper that had none, up
 * to 34 ms at a time (with them 398 ms of a run's 25 s, without 216).
 *
 * The C library has one arena. It would give each thread of V8 and libuv one of its own, which keeps what was freed in it: 20 MB of an applier. And a large buffer that is
 * freed goes back to the system, always: by itself the library would stop giving them back once it has seen large ones come and go, and an applier whose sessions were
 * ended a hundred times kept 35 MB of them. All that is a matter of what a process begins with, so a process that is to run for long begins again, as itself, under its
 * own number.
 *
 * Source: Node.js documentation, v8.setFlagsFromString and process.execve; V8's flags semi_space_growth_factor and max_semi_space_size; mallopt(3), M_ARENA_MAX and M_MMAP_THRESHOLD.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
setFlagsFromString("--no-parallel-scavenge");

const { argv, env, execArgv, execPath, platform } = process;

// Nothing is said to a parent over a channel that would be lost; and where the platform cannot, the process is larger and works.
if (platform === "linux" && argv.includes("run") && env["MALLOC_ARENA_MAX"] === undefined && process.channel === undefined)
  process.execve?.(execPath, [execPath, "--max-semi-space-size=1", ...execArgv, ...argv.slice(1)], {
    MALLOC_MMAP_THRESHOLD_: "131072",
    ...env,
    MALLOC_ARENA_MAX: "1",
  });
