/**
 * Loaded into the process of `offtake run` before it (node --import): ends it when whoever started it is gone.
 *
 * A demo that is killed with -9 stops nothing; its servers are ended by their keeper, and a process that tries to reach them for ever would be
 * left. The kernel closes the dead process's end of our stdin, so that its end is the sign. Nothing has to be drained: the servers go too.
 */
process.stdin.on("end", () => process.exit(1));
process.stdin.on("error", () => process.exit(1));
process.stdin.resume();
// Watching is no reason to go on when all else is done.
if ("unref" in process.stdin && typeof process.stdin.unref === "function") process.stdin.unref();
