/**
 * What `offtake check` asks of the control database: whether it is there, is a database of Offtake's own, and has or may get the schema offtake.
 */
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { controlVersion } from "../control/migrate-control.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { checkOwnSchema, checkOwnVersion } from "./check-own-schema.ts";
import { fault, type Finding } from "./finding.ts";
import { databaseIdentity } from "./own-target.ts";

const where = "control";

/** @param monolith the source's identity as own-target.ts has it; undefined where it could not be asked */
export async function checkControl({ control: { url } }: Configuration, monolith: string | undefined): Promise<Finding[]> {
  const client = await openSession(url, { side: "control", applicationName: "offtake check", statementTimeoutMs: 30_000 });
  try {
    if (monolith === (await databaseIdentity(client)))
      return [fault(where, "it is the monolith's own database", "Mend control.url: give Offtake a database of its own.")];
    const refused = await checkOwnSchema(client, where, "which holds the state of copies");
    if (refused.length > 0) return refused;
    return await checkOwnVersion(client, where, "it has", await controlVersion(client));
  } catch (error) {
    throw sessionError(error, "control", url);
  } finally {
    await endSession(client);
  }
}
