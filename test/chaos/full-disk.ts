/**
 * Fills the disk of one table: moves it to a file system in memory that is as large as the table is. Mounting one is root's; for anybody else the table says what a full
 * disk would, with the same SQLSTATE, and no write fails in earnest.
 *
 * Source: PostgreSQL documentation, "Tablespaces"; tmpfs(5).
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unprivilegedUser } from "../../infra/local/unprivileged-user.ts";
import { at } from "./bank-pipeline.ts";

/** Whether a disk can be filled in earnest here. */
const canFill = process.platform === "linux" && process.getuid?.() === 0;

/** Bytes that the disk has beside the table. */
const roomBytes = 1 << 20;

/** @returns makes room */
export async function fillDisk(url: string, table: string): Promise<() => Promise<void>> {
  return canFill ? onSmallDisk(url, table) : saidToBeFull(url, table);
}

async function onSmallDisk(url: string, table: string): Promise<() => Promise<void>> {
  const disk = mkdtempSync(join(tmpdir(), "offtake-disk-"));
  const name = `small_${randomBytes(6).toString("hex")}`;
  const { rows } = await at(url, async (client) => client.query<{ size: string }>("SELECT pg_table_size($1::regclass) AS size", [table]));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${Number(rows[0]!.size) + roomBytes}`, "tmpfs", disk]);
  const folder = join(disk, "space");
  mkdirSync(folder, { mode: 0o700 });
  const { uid, gid } = unprivilegedUser()!;
  chownSync(folder, uid, gid);
  await at(url, async (client) => {
    await client.query(`CREATE TABLESPACE ${name} LOCATION '${folder}'`);
    await client.query(`ALTER TABLE ${table} SET TABLESPACE ${name}`);
  });
  return async () => {
    execFileSync("mount", ["-o", "remount,size=75%", disk]);
    // Off it again, so that nothing of it is left on the machine.
    await at(url, async (client) => {
      await client.query(`ALTER TABLE ${table} SET TABLESPACE pg_default`);
      // Files that are dropped go with the next checkpoint.
      await client.query("CHECKPOINT");
      await client.query(`DROP TABLESPACE ${name}`);
    });
    // A session may have one of them open yet: gone from the machine's folders now, and from its memory then.
    execFileSync("umount", ["--lazy", disk]);
    rmSync(disk, { recursive: true });
  };
}

async function saidToBeFull(url: string, table: string): Promise<() => Promise<void>> {
  await at(url, async (client) =>
    client.query(`
      CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER disk_full BEFORE INSERT ON ${table} EXECUTE FUNCTION disk_full();
      ALTER TABLE ${table} ENABLE ALWAYS TRIGGER disk_full`),
  );
  return async () => {
    await at(url, async (client) => client.query("DROP FUNCTION disk_full CASCADE"));
  };
}
