/** The commands of this folder fail where a figure is wrong, and where one was never taken: what has seen nothing has found nothing wrong. */
import { describe, expect, test } from "vitest";
import { type Course, courseFaults } from "./course.ts";
import { disturbances } from "./disturbances.ts";
import { type IsolationCase, isolationFaults } from "./isolation-faults.ts";
import { type Minute, type SoakFigures, soakFaults } from "./soak-faults.ts";

function minute(number: number): Minute {
  return { minute: number, p50Ms: 4, p99Ms: 30, maxMs: 90, rows: 900, rssMb: {} };
}

describe("a soak", () => {
  const held = { figures: 12, rssMb: { first: 100, last: 101, growth: 0.01 }, handles: { first: 30, last: 30, growth: 0 } };
  const sound: SoakFigures = {
    rows: 1000,
    disturbances: Object.fromEntries(disturbances.map((each) => [each, 4])),
    latency: [1, 2, 3, 4].map(minute),
    latencyGrowth: { p50: 0.1, p99: 0.2 },
    processes: { connectors: held, appliers: held },
    different: 0,
  };

  test("passes", () => {
    expect(soakFaults(sound, true)).toEqual([]);
  });

  const grown = { ...held, rssMb: { ...held.rssMb, growth: 0.16 } };
  const leaking = { ...held, handles: { ...held.handles, growth: 0.11 } };
  const unknown = { ...held, rssMb: { ...held.rssMb, growth: Number.NaN } };
  const cases: [what: string, figures: Partial<SoakFigures>, fault: string][] = [
    ["a row differs", { different: 1 }, "1 rows differ"],
    ["nothing was compared", { different: Number.NaN }, "NaN rows differ"],
    ["nothing was written", { rows: 0 }, "no row was written"],
    ["latency grows", { latencyGrowth: { p50: 0.6, p99: 0 } }, "half of the rows take 0.6 longer at the end"],
    ["the slowest grow", { latencyGrowth: { p50: 0, p99: 1.1 } }, "one of a hundred rows takes 1.1 longer at the end"],
    ["latency has no trend", { latencyGrowth: { p50: Number.NaN, p99: 0 } }, "half of the rows take NaN longer at the end"],
    ["a minute has no row", { latency: [1, 2, 3, 4].map((at) => ({ ...minute(at), rows: at === 2 ? 0 : 9 })) }, "in 1 minutes no row arrived"],
    ["it is too short", { latency: [1, 2, 3].map(minute) }, "3 minutes are too few for a trend: it needs 3 behind the first"],
    ["nothing was disturbed", { disturbances: { ...sound.disturbances, "broker restarted": 0 } }, "broker restarted: it never came"],
    ["memory grows", { processes: { connectors: held, appliers: grown } }, "the memory of the appliers has grown by 0.16"],
    ["handles leak", { processes: { connectors: leaking, appliers: held } }, "the handles of the connectors have grown by 0.11"],
    ["memory is no number", { processes: { connectors: held, appliers: unknown } }, "the memory of the appliers has grown by NaN"],
    [
      "nobody looked at a process",
      { processes: { connectors: held } },
      "the memory of the appliers was looked at for less than 3 quarters of a minute",
    ],
    [
      "nobody looked for long",
      { processes: { connectors: { ...held, figures: 2 }, appliers: held } },
      "the memory of the connectors was looked at for less than 3 quarters of a minute",
    ],
  ];

  test.each(cases)("fails where %s", (_, figures, fault) => {
    expect(soakFaults({ ...sound, ...figures }, true)).toEqual([fault]);
  });

  test("fails where a process has ended", () => {
    expect(soakFaults(sound, false)).toEqual(["a process has ended"]);
  });
});

describe("two services, one of which is ill,", () => {
  const ailment = { waitsIn: "topic", says: ["TARGET_UNREACHABLE"], maySay: ["TARGET_BUSY"] } as const;
  const lag = { p50: 4, p90: 9, p99: 20, rows: 400 };
  const memory = { before: 100, first: 100, last: 110 };
  const sound: IsolationCase = {
    what: "the target is down",
    waiting: 1000,
    soundLagMs: { before: lag, during: lag, after: lag },
    lagRatio: { p50: 1, p90: 1 },
    rssMb: { connectors: memory, appliers: memory },
    illSlotMoved: true,
    soundSlotMoved: true,
    says: ["TARGET_UNREACHABLE"],
    soundErrors: [],
    caughtUp: { rows: 1000, seconds: 2 },
    different: 0,
    parked: 0,
  };

  test("pass", () => {
    expect(isolationFaults(sound, ailment)).toEqual([]);
    expect(isolationFaults({ ...sound, says: ["TARGET_BUSY", "TARGET_UNREACHABLE"] }, ailment)).toEqual([]);
  });

  const cases: [what: string, figures: Partial<IsolationCase>, fault: string][] = [
    ["the other one is slower", { lagRatio: { p50: 1.6, p90: 1 } }, "the other service's lag is 1.6 of what it was"],
    ["some of its rows are", { lagRatio: { p50: 1, p90: 2.1 } }, "nine of ten of its rows took 2.1 of what they did"],
    ["none of its rows arrived", { lagRatio: { p50: Number.NaN, p90: 1 } }, "the other service's lag is NaN of what it was"],
    ["the other one complains", { soundErrors: ["TARGET_BUSY"] }, "the other service says TARGET_BUSY"],
    ["the slot holds what waits", { illSlotMoved: false }, "the slot did not move"],
    ["the other one's slot does", { soundSlotMoved: false }, "the other service's slot did not move"],
    ["nobody says what is wrong", { says: [] }, "it does not say TARGET_UNREACHABLE"],
    ["it says something else, too", { says: ["TARGET_UNREACHABLE", "CHAIN_BROKEN"] }, "it says TARGET_UNREACHABLE, CHAIN_BROKEN"],
    ["rows differ", { different: 2 }, "2 rows differ"],
    ["an event was put aside", { parked: 1 }, "1 keys are parked"],
    ["a process grows", { rssMb: { connectors: memory, appliers: { ...memory, last: 126 } } }, "the appliers grew from 100 to 126 MB"],
    ["nobody looked at a process", { rssMb: { appliers: memory } }, "the connectors grew from 0 to 0 MB"],
  ];

  test.each(cases)("fail where %s", (_, figures, fault) => {
    expect(isolationFaults({ ...sound, ...figures }, ailment)).toEqual([fault]);
  });
});

const courses: [wrong: Course["wrong"], tried: Course["tried"], faults: string[]][] = [
  [{ lost: 0 }, { reads: [1, 1] }, []],
  [{ lost: 2 }, { reads: [1, 1] }, ["lost is 2, and must be 0"]],
  [{ lost: Number.NaN }, {}, ["lost is NaN, and must be 0"]],
  [{ lost: 0 }, { reads: [0, 1], events: [4, 3] }, ["reads is 0, and must be 1 at least"]],
  [{}, { reads: [Number.NaN, 1] }, ["reads is NaN, and must be 1 at least"]],
];

test.each(courses)("a command that found %j and tried %j has the faults %j", (wrong, tried, faults) => {
  expect(courseFaults({ wrong, tried })).toEqual(faults);
});
