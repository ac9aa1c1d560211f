import { describe, expect, test } from "vitest";
import { liveness, type LivenessInput } from "../../../connectors/postgres/liveness.ts";

const seconds = 1000;

/** Now is one million seconds; what is not said happened just now. */
function verdict(input: Partial<LivenessInput> & { silentFor?: number; statusAgo?: number }) {
  const now = 1_000_000 * seconds;
  const { silentFor = 0, statusAgo = 0, ...rest } = input;
  return liveness({ walSenderTimeout: 60 * seconds, now, lastBytesAt: now - silentFor, lastStatusAt: now - statusAgo, paused: false, ...rest });
}

describe("liveness", () => {
  test.each<[string, Parameters<typeof verdict>[0], boolean]>([
    ["nothing to say just after a status", { statusAgo: 0 }, false],
    ["a status every second, so that the slot follows what is durable", { statusAgo: seconds }, true],
    ["not before", { statusAgo: seconds - 1 }, false],
    ["one at half of a short timeout of the server", { walSenderTimeout: seconds, statusAgo: 0.5 * seconds }, true],
    ["not before that either", { walSenderTimeout: seconds, statusAgo: 0.5 * seconds - 1 }, false],
    ["one every second where the server never ends a connection", { walSenderTimeout: 0, statusAgo: seconds }, true],
    ["one while reading is held back: the server must not think that we are gone", { paused: true, statusAgo: seconds }, true],
  ])("a status is due: %s", (_, input, expected) => {
    expect(verdict(input).sendStatus).toBe(expected);
  });

  test.each<[string, Parameters<typeof verdict>[0], boolean]>([
    ["not while bytes come", { silentFor: 0 }, false],
    ["not after the server's timeout: it may be decoding a long transaction", { silentFor: 60 * seconds }, false],
    ["after twice of it", { silentFor: 120 * seconds }, true],
    ["not before", { silentFor: 120 * seconds - 1 }, false],
    ["never while reading is held back: the silence is ours", { silentFor: 3600 * seconds, paused: true }, false],
    ["after two minutes where the server has no timeout", { walSenderTimeout: 0, silentFor: 120 * seconds }, true],
    ["sooner where the server's timeout is short", { walSenderTimeout: 5 * seconds, silentFor: 10 * seconds }, true],
  ])("the connection is dead: %s", (_, input, expected) => {
    expect(verdict(input).dead).toBe(expected);
  });
});
