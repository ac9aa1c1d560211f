/** Changes cannot be applied as merged statements, or not be written in binary: in source order the target reads each itself. Nothing is known to be wrong yet. */
export class NotMergeable extends Error {}
