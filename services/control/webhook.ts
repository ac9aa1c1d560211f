/**
 * Tells a webhook. Its address is a secret, since who knows it can write there: no message and no log has it.
 *
 * Source: Slack API documentation, "Sending messages using incoming webhooks", "Formatting text for app surfaces".
 */
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import type { Secret } from "../runtime/secret.ts";
import type { Concern } from "./notification-decision.ts";

export interface Webhook {
  /** For people, and to keep apart what each was told. */
  readonly name: string;
  /** http or https. */
  readonly url: Secret;
  readonly format: "json" | "slack";
  readonly coolDownMs: number;
}

/** Names are public: what receives them relies on them. */
export interface Notification {
  readonly version: 1;
  readonly installation: string;
  readonly event: "raised" | "cleared" | "test";
  readonly concern: Concern;
  /** ISO 8601. */
  readonly at: string;
}

/** Milliseconds. */
const answerMs = 5000;

/** @throws OfftakeError NOTIFICATION_FAILED, NOTIFICATION_REFUSED for one message that it will not take */
export async function tellWebhook({ name, url, format }: Webhook, notification: Notification): Promise<void> {
  const body = JSON.stringify(format === "slack" ? { text: slackText(notification) } : notification);
  // A stop waits for it: what was sent and not written down is sent again by the next process.
  const limit = AbortSignal.timeout(answerMs);
  // One that redirects sends what is told to somebody who was not named.
  const options: RequestInit = { method: "POST", headers: { "content-type": "application/json" }, body, redirect: "error", signal: limit };
  const status = await fetch(url.reveal(), options).then(
    async (response) => {
      await response.body?.cancel();
      return response.status;
    },
    (error: unknown) => {
      const reason = limit.aborted ? `it did not answer within ${answerMs / 1000} s` : withoutAddress(error);
      throw new OfftakeError("NOTIFICATION_FAILED", `The webhook ${name} could not be told: ${reason}.`, {
        cure: "See `notifications` in offtake.yaml.",
      });
    },
  );
  if (status < 200 || status > 299)
    throw new OfftakeError(
      ofMessage.includes(status) ? "NOTIFICATION_REFUSED" : "NOTIFICATION_FAILED",
      `The webhook ${name} answers with status ${status}.`,
      {
        cure: "Look at what receives it, and at `notifications` in offtake.yaml.",
      },
    );
}

/** Statuses that say something of what was sent, and not of whoever receives it: another message may be taken. An address that was revoked, or is another's, takes none. */
const ofMessage = [400, 413, 422];

/** What the system's codes mean to whoever wrote the address down. */
const wordsFor: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens at its address (ECONNREFUSED)",
  ECONNRESET: "it ended the connection (ECONNRESET)",
  ENOTFOUND: "its host is not known (ENOTFOUND)",
  EAI_AGAIN: "its host could not be looked up (EAI_AGAIN)",
  EHOSTUNREACH: "there is no way to its host (EHOSTUNREACH)",
  CERT_HAS_EXPIRED: "its certificate has expired (CERT_HAS_EXPIRED)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by nobody whom Node trusts: NODE_EXTRA_CA_CERTS (DEPTH_ZERO_SELF_SIGNED_CERT)",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by nobody whom Node trusts: NODE_EXTRA_CA_CERTS (SELF_SIGNED_CERT_IN_CHAIN)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by nobody whom Node trusts: NODE_EXTRA_CA_CERTS (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
};

/** What the client says of it has the address in it; the cause below has only what the system says. */
function withoutAddress(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return wordsFor[cause.code] ?? cause.code;
  if (cause instanceof Error && cause.message === "bad port") return "its port is one that no HTTP client may use";
  return cause === undefined ? "the request failed" : messageOf(cause).split(/[:\s]/)[0]!;
}

function slackText({ installation, event, concern: { where, what } }: Notification): string {
  const words = { raised: ":red_circle:", cleared: ":white_check_mark: over:", test: ":wave: test:" };
  return `${words[event]} *${escaped(installation)}* ${escaped(where)}: ${escaped(what)}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
