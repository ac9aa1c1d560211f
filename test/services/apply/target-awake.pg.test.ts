import { describe, expect, test } from "vitest";
import { errorOf } from "../../support/error-of.ts";
import { Applier, target } from "./applying-target.ts";
import { WrittenTable } from "./event-writer.ts";

const parents = new WrittenTable("parents", { id: "int4*", name: "text" });
const children = new WrittenTable("children", { id: "int4*", parent: "int4" });
const plain = new WrittenTable("plain", { id: "int4*" });

function family(action: string): string {
  return `CREATE TABLE parents (id int4 PRIMARY KEY, name text); CREATE TABLE children (id int4 PRIMARY KEY, parent int4 REFERENCES parents ${action});
    CREATE TABLE plain (id int4 PRIMARY KEY)`;
}

describe("where the role may not put triggers and foreign keys to sleep", () => {
  test("parents come before their children, and go after them", async () => {
    const applier = await Applier.plain(family(""));
    await applier.apply([parents.create({ id: 1, name: "a" }), children.create({ id: 1, parent: 1 }), plain.create({ id: 1 })]);
    await applier.apply(
      [children.update({ id: 1, parent: null }), parents.delete({ id: 1 })],
      [parents.create({ id: 1, name: "b" }), children.update({ id: 1, parent: 1 })],
    );
    expect([await target.texts("parents"), await target.texts("children"), applier.kinds]).toEqual([["(1,b)"], ["(1,1)"], []]);
  });

  test("a child that is moved to another parent before its old one is deleted survives ON DELETE CASCADE", async () => {
    const applier = await Applier.plain(family("ON DELETE CASCADE"));
    await applier.apply([
      parents.create({ id: 1, name: "a" }),
      parents.create({ id: 2, name: "b" }),
      children.create({ id: 1, parent: 1 }),
      children.create({ id: 2, parent: 1 }),
    ]);
    await applier.apply([children.update({ id: 1, parent: 2 }), parents.delete({ id: 1 }), children.delete({ id: 2 })]);
    expect([await target.texts("parents"), await target.texts("children")]).toEqual([["(2,b)"], ["(1,2)"]]);
    // The target's own foreign key took the second child: that is no conflict.
    expect(applier.kinds).toEqual([]);
  });

  test("a parent whose identity is GENERATED ALWAYS keeps its children when it is updated, or comes again", async () => {
    const applier = await Applier.plain(
      family("ON DELETE CASCADE").replace("parents (id int4 PRIMARY KEY", "parents (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    );
    await applier.apply([parents.create({ id: 1, name: "a" }), children.create({ id: 1, parent: 1 })]);
    await applier.apply([parents.update({ id: 1, name: "b" })]);
    await applier.apply([parents.create({ id: 1, name: "c" })]);
    expect([await target.texts("parents"), await target.texts("children")]).toEqual([["(1,c)"], ["(1,1)"]]);
  });

  test.each(["DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE INITIALLY IMMEDIATE"])("%s: children may come before their parents", async (deferred) => {
    const applier = await Applier.plain(family(deferred));
    await applier.apply([children.create({ id: 1, parent: 1 }), parents.create({ id: 1, name: "a" })]);
    expect(await target.texts("children")).toEqual(["(1,1)"]);
  });

  test("a deferred constraint that is broken at the commit names the transaction, and those before it are in", async () => {
    const applier = await Applier.plain(family("DEFERRABLE INITIALLY DEFERRED"));
    const error = await errorOf(
      applier.apply([parents.create({ id: 1, name: "a" })], [parents.create({ id: 2, name: "b" }), children.create({ id: 1, parent: 9 })]),
    );
    expect(error.code).toBe("EVENT_NOT_APPLICABLE");
    expect(error.message).toContain("the commit of the transaction 1/300, which ends before offset 3");
    expect(error.message).toContain("Key (parent)=(9) is not present");
    expect(await target.texts("parents")).toEqual(["(1,a)"]);
  });

  test("ON DELETE SET NULL and ON UPDATE CASCADE come to what the source says", async () => {
    const applier = await Applier.plain(family("ON DELETE SET NULL ON UPDATE CASCADE"));
    await applier.apply([parents.create({ id: 1, name: "a" }), children.create({ id: 1, parent: 1 }), children.create({ id: 2, parent: 1 })]);
    await applier.apply([
      parents.move({ id: 1 }, { id: 5, name: "a" }),
      children.update({ id: 1, parent: 5 }),
      children.update({ id: 2, parent: 5 }),
    ]);
    expect(await target.texts("children")).toEqual(["(1,5)", "(2,5)"]);
    await applier.apply([parents.delete({ id: 5 }), children.update({ id: 1, parent: null }), children.update({ id: 2, parent: null })]);
    expect([await target.texts("children"), applier.kinds]).toEqual([["(1,)", "(2,)"], []]);
  });

  test("a child whose key was moved with its parent by the target's own ON UPDATE CASCADE keeps what the event does not hold", async () => {
    const lines = new WrittenTable("lines", { parent: "int4*", n: "int4*", note: "text" });
    const applier = await Applier.plain(
      `${family("")}; CREATE TABLE lines (parent int4 REFERENCES parents ON UPDATE CASCADE, n int4, note text, PRIMARY KEY (parent, n))`,
    );
    await applier.apply([parents.create({ id: 1, name: "a" }), lines.create({ parent: 1, n: 1, note: "long" })]);
    await applier.apply([parents.move({ id: 1 }, { id: 5, name: "a" }), lines.move({ parent: 1, n: 1 }, { parent: 5, n: 1, note: null }, ["note"])]);
    expect([await target.texts("lines"), applier.kinds]).toEqual([["(5,1,long)"], []]);
  });

  test("a row that is referred to and would have to go and come again stops the applier, and its children stay", async () => {
    const numbered = new WrittenTable("parents", { id: "int4*", number: "int4" });
    for (const event of [numbered.update({ id: 1, number: 2 }), numbered.move({ id: 1 }, { id: 3, number: 1 })]) {
      const applier = await Applier.plain(family("ON DELETE CASCADE").replace("name text", "number int4 GENERATED ALWAYS AS IDENTITY"));
      await applier.apply([numbered.create({ id: 1, number: 1 }), children.create({ id: 1, parent: 1 })]);
      await applier.apply([numbered.update({ id: 1, number: 1 })]);
      const error = await errorOf(applier.apply([event]));
      expect([error.code, error.cure]).toEqual([
        "TARGET_TABLE_UNSUITABLE",
        expect.stringContaining('ALTER TABLE "public"."parents" ALTER COLUMN "number" SET GENERATED BY DEFAULT;'),
      ]);
      expect([await target.texts("parents"), await target.texts("children")]).toEqual([["(1,1)"], ["(1,1)"]]);
    }
  });

  test("triggers fire once for each change, in source order", async () => {
    const applier = await Applier.plain(
      `${family("")}; CREATE TABLE seen (n serial, what text);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen (what) VALUES (TG_OP || ' ' || coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
       CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON parents FOR EACH ROW EXECUTE FUNCTION see()`,
    );
    await applier.apply([
      parents.create({ id: 1, name: "a" }),
      parents.update({ id: 1, name: "b" }),
      parents.create({ id: 2, name: "c" }),
      parents.delete({ id: 1 }),
    ]);
    expect(await target.texts("seen")).toEqual(['(1,"INSERT 1")', '(2,"UPDATE 1")', '(3,"INSERT 2")', '(4,"DELETE 1")']);
    expect(await target.texts("parents")).toEqual(["(2,c)"]);
  });

  test("tables that are bound together are truncated together", async () => {
    const applier = await Applier.plain(family(""));
    await applier.apply([parents.create({ id: 1, name: "a" }), children.create({ id: 1, parent: 1 })]);
    await applier.apply([parents.truncate(), children.truncate(), parents.create({ id: 2, name: "b" })]);
    expect([await target.texts("parents"), await target.texts("children")]).toEqual([["(2,b)"], []]);
  });

  test("rows that the role may not see are an error, not missing rows", async () => {
    const applier = await Applier.plain(
      `${family("")}; ALTER TABLE plain ENABLE ROW LEVEL SECURITY; CREATE POLICY high ON plain USING (id > 5); INSERT INTO plain VALUES (1)`,
    );
    const error = await errorOf(applier.apply([plain.delete({ id: 1 })]));
    expect([error.code, error.message]).toEqual(["TARGET_REFUSED", expect.stringContaining("row-level security")]);
  });
});
