/**
 * A process that owns a stack, for tests that kill it: `node stack-owner.ts [server…]`. Prints one line of JSON when the stack is up and then
 * waits; at SIGINT it asks the source a question, prints "answered" and goes on waiting.
 */
import { startLocalStack } from "../../../infra/local/stack.ts";
import { postgresAnswers } from "../../../infra/local/postgres-server.ts";
import { serverNames } from "../../../infra/local/stack.ts";

const servers = serverNames.filter((name) => process.argv.includes(name));
const stack = await startLocalStack({ servers, progress: (line) => process.stderr.write(`${line}\n`) });
process.on("SIGINT", () => {
  void postgresAnswers(stack.source.url()).then(() => process.stdout.write("answered\n"));
});
setInterval(() => undefined, 60_000);
process.stdout.write(`${JSON.stringify({ folder: stack.folder })}\n`);
