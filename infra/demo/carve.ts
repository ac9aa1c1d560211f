/**
 * The two commands before the first row: `offtake check` and `offtake up --create-tables`, and what they say, in few lines.
 */
import { z } from "zod";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { offtake } from "./offtake-process.ts";

const findings = z.object({
  findings: z.array(z.object({ level: z.enum(["fault", "warning", "note"]), where: z.string(), what: z.string(), cure: z.string() })),
});

const ups = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      notCopied: z.array(z.string()),
      tables: z.object({ created: z.array(z.unknown()), leftOut: z.array(z.object({ what: z.string(), why: z.string() })) }),
    }),
  ),
});

const created = "offtake up --create-tables";

/** @throws OfftakeError DEMO_FAILED where a command fails, or finds something that `up` will not mend */
export async function carve(configFile: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const found = findings.parse(await offtake(["check"], configFile, [0, 3], signal)).findings;
  const [mended, others] = [found.filter(({ cure }) => cure === created), found.filter(({ level, cure }) => level !== "note" && cure !== created)];
  say(`offtake check: ${mended.length} tables are missing at the services, which \`up\` creates; ${others.length} other findings`);
  for (const { level, where, what, cure } of others) say(`  ${level}: ${where}: ${what}. ${cure}`);
  if (others.some(({ level }) => level === "fault")) throw new OfftakeError("DEMO_FAILED", "`offtake check` finds what `up` does not mend.");

  const { services } = ups.parse(await offtake(["up", "--create-tables"], configFile, [0], signal));
  const tables = services.reduce((sum, service) => sum + service.tables.created.length, 0);
  say(`offtake up --create-tables: ${services.length} publications, slots and topics, ${tables} tables`);
  // A foreign key between two services is left out by both of them.
  const leftOut = [...new Set(services.flatMap((service) => service.tables.leftOut.map(({ what }) => what)))];
  const links = leftOut.filter((what) => what.startsWith("foreign key"));
  say(
    `  left out: ${links.length} foreign keys that cross services, ${leftOut.length - links.length} other things, such as triggers: they stay at the monolith`,
  );
  const notCopied = services.flatMap((service) => service.notCopied);
  if (notCopied.length > 0) say(`  not copied, since they had rows before: ${notCopied.join(", ")}`);
}
