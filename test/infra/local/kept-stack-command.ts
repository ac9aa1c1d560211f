/**
 * `node kept-stack-command.ts up|down|status`: what the command line does, as a process that ends. Prints one line of JSON.
 */
import { stackDown, stackStatus, stackUp } from "../../../infra/local/kept-stack.ts";

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const commands: Record<string, () => Promise<object>> = { up: () => stackUp(progress), down: () => stackDown(progress), status: stackStatus };
const command = commands[process.argv[2] ?? ""];
if (command === undefined) throw new Error("up, down or status");
process.stdout.write(`${JSON.stringify(await command())}\n`);
