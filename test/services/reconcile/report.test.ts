import { describe, expect, test } from "vitest";
import { incompleteReport, mismatchRate, type Report, verdictOf } from "../../../services/reconcile/report.ts";
import { reportCsv, reportText } from "../../../services/reconcile/report-text.ts";

const nothing = { missing: [], extra: [], differing: [], undecided: [], reason: null, parked: 0, truncatedAt: null };
const key = { id: "1" };
const columns = [
  { name: "note", source: null, target: "" },
  { name: "n", source: 'say "x", y', target: "2" },
];
const differing = [{ key, columns, sourcePosition: "0/1", targetPosition: "0/2" }];

describe("the verdict", () => {
  test.each([
    ["equal", nothing],
    ["mismatch", { ...nothing, missing: [{ key }] }],
    ["mismatch", { ...nothing, extra: [{ key }], undecided: [{ key, waitsFor: "x" }], reason: "stalled", parked: 3 }],
    ["mismatch", { ...nothing, differing }],
    ["too-divergent", { ...nothing, truncatedAt: 5, missing: [{ key }] }],
    ["incomplete", { ...nothing, undecided: [{ key, waitsFor: "x" }] }],
    ["incomplete", { ...nothing, reason: "stalled", parked: 1 }],
    ["parked", { ...nothing, parked: 1 }],
  ] as const)("%s", (verdict, findings) => {
    expect(verdictOf(findings)).toBe(verdict);
  });

  test("the rate is of what was compared, and never more than all of it", () => {
    expect([mismatchRate(nothing, 0), mismatchRate({ ...nothing, missing: [{ key }] }, 4), mismatchRate({ ...nothing, differing }, 0)]).toEqual([
      0, 0.25, 0,
    ]);
  });
});

function report(found: Partial<Report>): Report {
  return { ...incompleteReport("trading", "public.trades", "detailed", new Date(0), ""), compared: 7, rowsPerSecond: 3, reason: null, ...found };
}

describe("a report", () => {
  test("as text has the counts, and the first mismatches", () => {
    const found = { verdict: "mismatch", differing, missing: Array.from({ length: 30 }, (_, i) => ({ key: { id: String(i) } })) } as const;
    const lines = reportText(report({ ...found, undecided: [{ key, waitsFor: "transaction 7" }] })).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "public.trades: mismatch, 7 rows compared, 3/s, 1 differing, 30 missing, 1 undecided",
      String.raw`  differs: id="1": note NULL is "", n "say \"x\", y" is "2"`,
      '  missing at the target: id="0"',
    ]);
    expect([lines.length, lines.at(-1)]).toEqual([22, "  and 12 more: --format json has all"]);
  });

  test("as text says why it is not complete, and when there was too much", () => {
    expect(reportText(report({ reason: "it has to be copied: x" }))).toBe(
      "public.trades: incomplete, 7 rows compared, 3/s\n  it has to be copied: x",
    );
    expect(reportText(report({ verdict: "too-divergent", truncatedAt: 20_000 }))).toContain("more than 20000 rows differ: copy the table again");
  });

  test("as CSV tells NULL from an empty text, and quotes what has to be", () => {
    const reports = [report({ verdict: "mismatch", differing, extra: [{ key }] }), report({ verdict: "equal" }), report({ reason: "stalled" })];
    expect(reportCsv(reports).split("\r\n")).toEqual([
      "service,table,verdict,kind,key,column,source,target",
      'trading,public.trades,mismatch,differing,"{""id"":""1""}",note,,""',
      'trading,public.trades,mismatch,differing,"{""id"":""1""}",n,"say ""x"", y",2',
      'trading,public.trades,mismatch,extra,"{""id"":""1""}","","",""',
      'trading,public.trades,equal,"","","","",""',
      'trading,public.trades,incomplete,"","","",stalled,""',
    ]);
  });
});
