import { describe, expect, test } from "vitest";
import type { CatalogSequence, CatalogTable } from "../../../connectors/postgres/catalog-model.ts";
import { planTables } from "../../../services/apply/create-plan.ts";
import { catalogOf, column, constraint, emptyTarget, enumType, index, noNeeds, table, typeName } from "./catalog-fixture.ts";

const owners = { what: "owners and privileges", why: expect.any(String) };

function sqlOf(tables: CatalogTable[], version: number): string[] {
  return planTables(catalogOf(tables), emptyTarget({ version }), "public").statements.map(({ sql }) => sql);
}

test("nothing to do for no tables", () => {
  expect(planTables(catalogOf([]), emptyTarget(), "svc")).toEqual({
    statements: [],
    leftOut: [],
    created: [],
    present: [],
    reused: [],
    searchPath: ["svc"],
  });
});

test("the order: what something names comes before it", () => {
  const mood = enumType("mood", "a");
  const sequence: CatalogSequence = {
    oid: 77,
    schema: "public",
    name: "a_id_seq",
    type: "bigint",
    start: "1",
    increment: "1",
    minimum: "1",
    maximum: "9",
    cache: "1",
    cycle: false,
    owner: { schema: "public", table: "a", column: "id", kind: "serial" },
    usedBy: [{ schema: "public", table: "a", column: "id" }],
    comment: null,
  };
  const nextval = { text: "nextval('a_id_seq'::regclass)", needs: { ...noNeeds, sequences: [77] } };
  const foreignKey = constraint("foreign key", "a_b_fkey", "FOREIGN KEY (id) REFERENCES b(id)", {
    references: { schema: "public", table: "b", columns: ["id"], onUpdate: "no action", onDelete: "no action" },
  });
  const a = table("a", {
    columns: [
      column("id", { default: nextval }),
      column("mood", { type: typeName(mood, true), collation: { oid: 78, schema: "public", name: "c", extension: null } }),
    ],
    constraints: [foreignKey, constraint("check", "positive", "CHECK (id > 0)"), constraint("primary key", "a_pkey", "PRIMARY KEY (id)")],
    indexes: [index("a_pkey", "USING btree (id)", { constraint: "a_pkey", unique: true }), index("by_mood", "USING gin (mood)")],
  });
  const b = table("b", { constraints: [constraint("primary key", "b_pkey", "PRIMARY KEY (id)")] });
  const collation = {
    oid: 78,
    schema: "public",
    name: "c",
    provider: "icu" as const,
    deterministic: true,
    collate: null,
    ctype: null,
    locale: "de",
    rules: null,
    comment: null,
  };
  const plan = planTables(catalogOf([a, b], { types: [mood], sequences: [sequence], collations: [collation] }), emptyTarget(), "svc");
  expect(plan.statements.map(({ what, optional }) => `${what}${optional ? " ?" : ""}`)).toEqual([
    "schema svc",
    "collation svc.c",
    "sequence svc.a_id_seq",
    "type svc.mood",
    "table svc.a",
    "table svc.b",
    "default of svc.a.id ?",
    "check constraint positive of svc.a ?",
    "index by_mood of svc.a ?",
    "foreign key a_b_fkey of svc.a ?",
    "owner of sequence svc.a_id_seq",
  ]);
  expect(plan.statements[4]?.sql).toBe(
    `CREATE TABLE "svc"."a" (\n  "id" integer,\n  "mood" "svc"."mood"[] COLLATE "svc"."c",\n  CONSTRAINT "a_pkey" PRIMARY KEY (id)\n)`,
  );
  expect(plan.leftOut).toEqual([owners]);
});

test("partitions: attached from the top down, indexed from the bottom up", () => {
  const tables = ["c", "a", "b"].map((name) =>
    table(name, {
      schema: name,
      kind: name === "c" ? "partition" : "partitioned",
      partitionBy: name === "c" ? null : { text: "LIST (id)", needs: noNeeds },
      partitionOf: name === "a" ? null : { schema: name === "c" ? "b" : "a", table: name === "c" ? "b" : "a", bound: "DEFAULT" },
      indexes: [index(`i_${name}`, "USING btree (id)")],
    }),
  );
  const plan = planTables(catalogOf(tables), emptyTarget({ schemas: new Set(["a", "b", "c"]) }), "public");
  expect(plan.statements.slice(3).map(({ what }) => what)).toEqual([
    "partition b.b",
    "partition c.c",
    "index i_c of c.c",
    "index i_b of b.b",
    "index i_a of a.a",
  ]);
});

describe("what the target's version does not know", () => {
  const generated = column("g", { generated: { kind: "virtual", expression: { text: "(id + 1)", needs: noNeeds } } });
  const notNull = constraint("not null", "a is needed", "NOT NULL id", { noInherit: true });
  const loose = { validated: false, enforced: false };
  const eighteen = table("t", {
    columns: [column("id", { notNull: true }), generated],
    constraints: [
      notNull,
      constraint("check", "loose", "CHECK (id > 0) NOT ENFORCED", loose),
      constraint("foreign key", "loose_fk", "FOREIGN KEY (id) REFERENCES t(id) NOT ENFORCED", {
        ...loose,
        references: { schema: "public", table: "t", columns: ["id"], onUpdate: "no action", onDelete: "no action" },
      }),
    ],
  });

  test("18 knows all of it", () => {
    const plan = planTables(catalogOf([eighteen]), emptyTarget(), "public");
    expect(plan.statements.map(({ sql }) => sql)).toEqual([
      `CREATE TABLE "public"."t" (\n  "id" integer CONSTRAINT "a is needed" NOT NULL NO INHERIT,\n  "g" integer GENERATED ALWAYS AS ((id + 1)) VIRTUAL\n)`,
      `ALTER TABLE "public"."t" ADD CONSTRAINT "loose" CHECK (id > 0) NOT ENFORCED`,
      `ALTER TABLE "public"."t" ADD CONSTRAINT "loose_fk" FOREIGN KEY (id) REFERENCES t(id) NOT ENFORCED`,
    ]);
    expect(plan.leftOut).toEqual([owners]);
  });

  test("17 gets STORED for VIRTUAL and no constraints that are not enforced, and both are listed", () => {
    const plan = planTables(catalogOf([eighteen]), emptyTarget({ version: 170_006 }), "public");
    expect(plan.statements.map(({ sql }) => sql)).toEqual([
      `CREATE TABLE "public"."t" (\n  "id" integer CONSTRAINT "a is needed" NOT NULL,\n  "g" integer GENERATED ALWAYS AS ((id + 1)) STORED\n)`,
    ]);
    const unknown = "it is NOT ENFORCED, which the target's version does not know";
    expect(plan.leftOut).toEqual([
      { what: "foreign key loose_fk of public.t to public.t", why: unknown },
      { what: "NO INHERIT of NOT NULL of public.t.id", why: "before PostgreSQL 18 NOT NULL always reaches the children" },
      { what: "VIRTUAL of generated column public.t.g", why: "the target's version knows only STORED, which it is there" },
      { what: "check constraint loose of public.t", why: unknown },
      owners,
    ]);
  });
});

test("names are quoted whatever they are, and two that differ only in where a dot is are two", () => {
  const tables = [table(`b"c`, { schema: "a", columns: [column(`x"y; --`)] }), table("c.d", { schema: "b" }), table("d", { schema: "b.c" })];
  const target = emptyTarget({ schemas: new Set(["a", "b"]), relations: new Set(['"b"."c.d"']) });
  const plan = planTables(catalogOf(tables), target, "public");
  expect(plan.present).toEqual([{ schema: "b", table: "c.d" }]);
  expect(plan.statements.map(({ sql }) => sql)).toEqual([
    `CREATE SCHEMA "b.c"`,
    `CREATE TABLE "a"."b""c" (\n  "x""y; --" integer\n)`,
    `CREATE TABLE "b.c"."d" (\n  "id" integer\n)`,
  ]);
});

test("texts are constants whatever they are", () => {
  const sql = sqlOf([table("t", { comment: `it's \\ a 'comment'` })], 180_000);
  expect(sql[0]?.split(";\n")[1]).toBe(`COMMENT ON TABLE "public"."t" IS E'it''s \\\\ a ''comment'''`);
});
