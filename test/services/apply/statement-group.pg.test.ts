import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { sqlState } from "../../../connectors/postgres/session.ts";
import { type GroupStatement, runGroup } from "../../../services/apply/statement-group.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());
const { client } = target.session;

beforeEach(() => target.reset("CREATE TABLE rows (id int4)"));

function statement(sql: string, name = "", ...values: string[]): GroupStatement {
  return { name, sql, values: values.map((value) => Buffer.from(value)), text: true };
}

const insert = (id: string): GroupStatement => statement("INSERT INTO rows VALUES ($1)", "insert a row", id);

describe("a group of statements", () => {
  test("says of each how many rows it touched or returned", async () => {
    const group = [
      statement("BEGIN"),
      insert("1"),
      insert("2"),
      statement("UPDATE rows SET id = 3", "update"),
      statement("SELECT FROM rows"),
      statement("COMMIT"),
    ];
    expect(await runGroup(client, group)).toEqual({ counts: [0, 1, 1, 2, 2, 0], error: undefined });
    expect(await target.texts("rows")).toEqual(["(3)", "(3)"]);
  });

  test.each([
    ["that is kept", "division"],
    ["that is not kept", ""],
  ])("runs nothing behind a statement %s and fails, also outside of a transaction", async (_, name) => {
    const { counts, error } = await runGroup(client, [
      insert("1"),
      statement("SELECT 1 / $1::int4", name, "0"),
      insert("2"),
      statement("DELETE FROM rows", "delete"),
    ]);
    expect([counts, sqlState(error)]).toEqual([[1], "22012"]);
    expect(await target.texts("rows")).toEqual([]);
  });

  test("sends the data of a COPY along, and passes it over where the COPY or a statement before it has failed", async () => {
    const copied = (...pieces: string[]): GroupStatement => ({
      ...statement("COPY rows FROM STDIN", "copy"),
      copy: pieces.map((piece) => Buffer.from(piece)),
    });
    expect(await runGroup(client, [insert("1"), copied("2\n3\n", "4\n"), insert("5")])).toEqual({ counts: [1, 3, 1], error: undefined });
    const failing = await runGroup(client, [copied("6\nseven\n", "8\n"), copied("9\n"), insert("10")]);
    expect([failing.counts, sqlState(failing.error)]).toEqual([[], "22P02"]);
    const behind = await runGroup(client, [statement("SELECT 1 / $1::int4", "wrong", "0"), copied("11\n"), insert("12")]);
    expect([behind.counts, sqlState(behind.error)]).toEqual([[], "22012"]);
    expect(await runGroup(client, [copied(), copied("13\n")])).toEqual({ counts: [0, 1], error: undefined });
    expect((await target.texts("rows")).toSorted()).toEqual(["(1)", "(13)", "(2)", "(3)", "(4)", "(5)"]);
  });

  test("knows afterwards which statements the server has: those that were passed over are sent again", async () => {
    const later = statement("INSERT INTO rows VALUES (7)", "later");
    const wrong = statement("SELECT 1 / $1::int4", "wrong", "0");
    for (let round = 0; round < 2; round += 1) expect((await runGroup(client, [wrong, later])).error).toBeDefined();
    expect(await runGroup(client, [{ ...wrong, values: [Buffer.from("1")] }, later, later])).toEqual({ counts: [1, 1, 1], error: undefined });
    expect((await client.query({ name: "later", text: later.sql })).rowCount).toBe(1);
  });

  test("does not run a statement that cannot be parsed, nor what is behind it, and the session goes on", async () => {
    const { counts, error } = await runGroup(client, [statement("SELEC", "typo"), insert("1")]);
    expect([counts, sqlState(error)]).toEqual([[], "42601"]);
    expect(await runGroup(client, [insert("2")])).toEqual({ counts: [1], error: undefined });
    expect(await target.texts("rows")).toEqual(["(2)"]);
  });

  test("says so when the session ends in the middle", async () => {
    await using other = await targetFixture();
    const { client: dying } = other.session;
    const { counts, error } = await runGroup(dying, [
      statement("SELECT 1"),
      statement("SELECT pg_terminate_backend(pg_backend_pid())"),
      statement("SELECT 2"),
    ]);
    expect([counts.length < 3, error]).toEqual([true, expect.any(Error)]);
  });
});
