import { Client } from "pg";

/** Runs SQL as a superuser, statement by statement as psql does. */
export async function asSuperuser(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of sql.split(";").filter((each) => each.trim() !== "")) await client.query(statement);
  } finally {
    await client.end();
  }
}
