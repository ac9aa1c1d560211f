/**
 * What `offtake check` asks of the control database: whether it is there, is a database of Offtake's own, and has or may get the schema offtake.
 */
import { escapeIdentifier } from "pg";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { controlVersion } from "../control/migrate-control.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { checkOwnSchema } from "./check-own-schema.ts";
import { fault, type Finding, note } from "./finding.ts";
import { databaseIdentity } from "./own-target.ts";

const where = "control";

const rightsSql = "SELECT current_user AS role, current_database() AS database, has_database_privilege(current_database(), 'CREATE') AS may_create";

/** @param monolith the source's identity as own-target.ts has it; undefined where it could not be asked */
export async function checkControl({ control: { url } }: Configuration, monolith: string | undefined): Promise<Finding[]> {
  const client = await openSession(url, { side: "control", applicationName: "offtake check", statementTimeoutMs: 30_000 });
  try {
    if (monolith === (await databaseIdentity(client)))
      return [fault(where, "it is the monolith's own database", "Mend control.url: give Offtake a database of its own.")];
    const refused = await checkOwnSchema(client, where, "which holds the state of copies");
    if (refused.length > 0) return refused;
    const { installed, wanted } = await controlVersion(client);
    if (installed === wanted) return [];
    if (installed > wanted) return [fault(where, `its schema offtake was made by a newer Offtake (version ${installed})`, "Use that one.")];
    if (installed > 0) return [note(where, `its schema offtake is of version ${installed}: \`offtake up\` brings it to ${wanted}`)];
    const { rows } = await client.query<{ role: string; database: string; may_create: boolean }>(rightsSql);
    const { role, database, may_create: mayCreate } = rows[0]!;
    if (mayCreate) return [note(where, "it has no schema offtake yet: `offtake up` creates it")];
    const grant = `GRANT CREATE ON DATABASE ${escapeIdentifier(database)} TO ${escapeIdentifier(role)};`;
    return [fault(where, `the role ${role} may not create the schema offtake`, grant)];
  } catch (error) {
    throw sessionError(error, "control", url);
  } finally {
    await endSession(client);
  }
}
