import { expect, test } from "vitest";
import { tooMuch } from "../../../connectors/postgres/source-load.ts";

test.each([
  { what: "as many sessions as may be", load: { active: 8, hidden: 0 }, waits: undefined },
  {
    what: "one more",
    load: { active: 9, hidden: 0 },
    waits: "the source to have less to do: 9 sessions are active, and snapshot.maxActiveSessions is 8",
  },
  {
    what: "sessions of which nobody may see what they do",
    load: { active: 0, hidden: 2 },
    waits: expect.stringMatching(/^leave to see how busy the source is: what 2 of its sessions do is hidden \(GRANT pg_read_all_stats/),
  },
  { what: "more than may be, and some that are hidden", load: { active: 9, hidden: 2 }, waits: expect.stringMatching(/^the source to have less/) },
])("$what", ({ load, waits }) => {
  expect(tooMuch(load, 8)).toEqual(waits);
});
