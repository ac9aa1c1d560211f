/**
 * Keeps V8's nursery at the size that it begins with. It would grow to 32 MB while modules load and stay there, for a process that makes no object per
 * row: 104 MB instead of 126 at the start, and 40 MB less under load, at the same speed (docs/benchmarks.md).
 *
 * Imported before everything else, since what has grown does not shrink.
 *
 * Source: Node.js documentation, v8.setFlagsFromString; V8's flag semi_space_growth_factor.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
