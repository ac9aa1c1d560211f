/** `offtake stack`: the local servers, without demo or tests. */
import { fromClone } from "./clone-only.ts";
import type { Terminal } from "./terminal.ts";

interface Answer<T> {
  readonly object: T & Readonly<Record<string, unknown>>;
  readonly text: string;
}

// Loaded only where they are asked for: an installation in production has no servers to bring.
const keptStack = async (command: string) => fromClone(`stack ${command}`, async () => import("../../infra/local/kept-stack.ts"));

export async function up(terminal: Terminal): Promise<Answer<{ alreadyUp: boolean }>> {
  const { stackUp } = await keptStack("up");
  const stack = await stackUp((line) => terminal.progress(line));
  const addresses = Object.entries(stack.addresses).map(([name, address]) => `  ${name.padEnd(9)} ${address}`);
  return {
    object: { ...stack },
    text: [stack.alreadyUp ? "The stack is there already:" : "The stack is up:", ...addresses, "Stop it with: npm run offtake -- stack down"].join(
      "\n",
    ),
  };
}

export async function down(terminal: Terminal): Promise<Answer<{ stopped: boolean }>> {
  const { stackDown } = await keptStack("down");
  const answer = await stackDown((line) => terminal.progress(line));
  return { object: { ...answer }, text: answer.stopped ? "The stack is stopped, and its data removed." : "There was no stack." };
}

type Status = Awaited<ReturnType<Awaited<ReturnType<typeof keptStack>>["stackStatus"]>>;

export async function status(): Promise<{ readonly object: Status & Readonly<Record<string, unknown>> }> {
  const { stackStatus } = await keptStack("status");
  return { object: { ...(await stackStatus()) } };
}

export function stackText({ object }: { readonly object: Status }): string {
  if (!object.up) return "There is no stack. Start one with: npm run offtake -- stack up";
  const servers = object.servers.map(
    ({ name, address, answers, reason }) => `  ${name.padEnd(9)} ${answers ? "answers" : `does not answer: ${reason}`}  ${address}`,
  );
  return [`The stack is up since ${object.startedAt}, in ${object.folder}:`, ...servers].join("\n");
}
