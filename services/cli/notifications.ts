/** Webhooks that are told what is not well, and `offtake notifications test`, which tells them that nothing is. */
import type { ControlSession } from "../control/control-session.ts";
import { type Concern, Lasting, newsOf } from "../control/notification-decision.ts";
import { lastingAlerts, readTold, recordTold } from "../control/notification-history.ts";
import type { Task } from "../control/periodically.ts";
import { tellWebhook, type Webhook } from "../control/webhook.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import type { ErrorCode } from "../runtime/error-codes.ts";
import type { ControlBoard } from "./control-board.ts";
import { type Trouble, troublesOf } from "./installation-health.ts";
import { ExitCode } from "./terminal.ts";

/** Milliseconds between two looks, and for which what is not well has to last before anybody is told. The reconciler's alerts have waited already. */
const lookMs = 10_000;
const lastsMs = 30_000;

export interface NotificationParts {
  readonly configuration: Configuration;
  readonly control: ControlSession;
  readonly board: Pick<ControlBoard, "status">;
}

/** One for each webhook: one that does not answer keeps nothing from the others. @param everyMs between two looks. @param forMs for which a trouble has to last */
export function notificationTasks({ configuration, control, board }: NotificationParts, everyMs = lookMs, forMs = lastsMs): Task[] {
  const installation = configuration.kafka.topicPrefix;
  const connectors = configuration.connectors.map(({ name }) => name);
  return configuration.notifications.webhooks.map((webhook) => {
    const lasting = new Lasting(forMs);
    return {
      name: `notifications to ${webhook.name}`,
      everyMs,
      run: async () => {
        const now = Date.now();
        const troubles = troublesOf(await board.status()).map(concernOf);
        const told = await readTold(control, installation, webhook.name);
        const concerns = [...(await lastingAlerts(control, connectors)), ...lasting.of(troubles, told, now)];
        let refused: OfftakeError | undefined;
        for (const news of newsOf(told, concerns, webhook.coolDownMs, now)) {
          try {
            await tellWebhook(webhook, { version: 1, installation, ...news, at: new Date().toISOString() });
          } catch (thrown) {
            const error = asOfftakeError(thrown);
            // What it does not take must not keep it from what it does.
            if (error.code !== "NOTIFICATION_REFUSED") throw error;
            refused ??= error;
            continue;
          }
          await recordTold(control, installation, webhook.name, news);
        }
        if (refused !== undefined) throw refused;
      },
    };
  });
}

/** Another error of a service is another concern: of one that came while an older one lasted nobody heard. */
function concernOf({ kind, where, what, code }: Trouble): Concern {
  return { key: [kind, where, ...(code === undefined ? [] : [code])].join(" "), where, what };
}

export interface TestedWebhook {
  readonly webhook: string;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly cure: string } | null;
}

/** @param names of webhooks; empty for all. @throws OfftakeError USAGE */
export async function testNotifications(
  configuration: Configuration,
  names: readonly string[],
): Promise<{
  readonly object: { readonly webhooks: readonly TestedWebhook[] } & Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly exit: ExitCode;
}> {
  const { webhooks } = configuration.notifications;
  const unknown = names.filter((name) => !webhooks.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new OfftakeError("USAGE", `There is no webhook ${unknown.join(", ")} in ${configuration.file}.`, {
      cure: webhooks.length === 0 ? "It has none: see `notifications`." : `It has ${webhooks.map(({ name }) => name).join(", ")}.`,
    });
  const chosen = webhooks.filter(({ name }) => names.length === 0 || names.includes(name));
  const tested = await Promise.all(chosen.map(async (webhook) => testOf(configuration, webhook)));
  const lines = tested.map(({ webhook, error }) => `${webhook}: ${error === null ? "told" : `${error.code}: ${error.message} ${error.cure}`}`);
  return {
    object: { webhooks: tested },
    text: lines.length === 0 ? "There are no webhooks: see `notifications` in offtake.yaml." : lines.join("\n"),
    exit: tested.every(({ error }) => error === null) ? ExitCode.done : ExitCode.failed,
  };
}

async function testOf(configuration: Configuration, webhook: Webhook): Promise<TestedWebhook> {
  const concern = { key: "test", where: "everywhere", what: "somebody wants to know whether this arrives" };
  const notification = { version: 1, installation: configuration.kafka.topicPrefix, event: "test", concern, at: new Date().toISOString() } as const;
  try {
    await tellWebhook(webhook, notification);
    return { webhook: webhook.name, error: null };
  } catch (thrown) {
    const { code, message, cure } = asOfftakeError(thrown);
    return { webhook: webhook.name, error: { code, message, cure } };
  }
}
