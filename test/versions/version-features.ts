/**
 * What one version of PostgreSQL has and the one before it has not: each as a table of a monolith, with rows, and what becomes of it at a target
 * that is too old for it. What a newer version adds next belongs here, so that docs/versions.md cannot promise what nobody has tried.
 *
 * Source: PostgreSQL's release notes of 15, 16, 17 and 18, "Utility Commands", "Data Types", "Logical Replication".
 */
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";

export interface VersionFeature {
  /** For people, and for docs/versions.md. */
  readonly name: string;
  /** The first version that has it. */
  readonly since: PostgresMajor;
  /** Tables it is about: those of schema public are replicated, those of schema apart only created. */
  readonly tables: readonly string[];
  /** Makes them at the monolith. */
  readonly sql: string;
  /** Changes their rows, while they are replicated. */
  readonly load: string;
  /** What becomes of it at a target that is too old for it. */
  readonly older: TargetWord;
}

/** carried: it is there as at the source. left out: the rows are, and it is listed. refused: nothing is created. stops: the applier. */
export type TargetWord = "carried" | "left out" | "refused" | "stops";

/** A value, and no table: rows with it are the last that a pairing writes. */
export const infiniteIntervals = { name: "interval 'infinity'", since: 17, older: "stops" } as const;

export const versionFeatures: readonly VersionFeature[] = [
  {
    name: "UNIQUE NULLS NOT DISTINCT",
    since: 15,
    tables: ["nulls_equal"],
    sql: "CREATE TABLE nulls_equal (id int PRIMARY KEY, code text, UNIQUE NULLS NOT DISTINCT (code))",
    load: "INSERT INTO nulls_equal VALUES (1, NULL), (2, 'a'); UPDATE nulls_equal SET code = 'b' WHERE id = 1",
    older: "refused",
  },
  {
    name: "numeric with a negative scale",
    since: 15,
    tables: ["rounded"],
    sql: "CREATE TABLE rounded (id int PRIMARY KEY, n numeric(5, -3))",
    load: "INSERT INTO rounded VALUES (1, 1234567), (2, -1499)",
    older: "refused",
  },
  {
    name: "ON DELETE SET NULL of some columns",
    since: 15,
    tables: ["owners", "owned"],
    sql: `CREATE TABLE owners (tenant int, id int, PRIMARY KEY (tenant, id));
          CREATE TABLE owned (id int PRIMARY KEY, tenant int, owner int, FOREIGN KEY (tenant, owner) REFERENCES owners ON DELETE SET NULL (owner))`,
    load: "INSERT INTO owners VALUES (1, 1), (1, 2); INSERT INTO owned VALUES (1, 1, 1), (2, 1, 2); DELETE FROM owners WHERE id = 1",
    older: "refused",
  },
  {
    name: "ICU collation with RULES",
    since: 16,
    tables: ["ruled_texts"],
    sql: `CREATE COLLATION ruled (PROVIDER = icu, LOCALE = 'und', RULES = '& V << w <<< W');
          CREATE TABLE ruled_texts (id int PRIMARY KEY, note text COLLATE ruled)`,
    load: "INSERT INTO ruled_texts VALUES (1, 'v'), (2, 'W')",
    older: "refused",
  },
  {
    name: "collation of the built-in provider",
    since: 17,
    tables: ["built_in_texts"],
    sql: `CREATE COLLATION built_in (PROVIDER = builtin, LOCALE = 'C.UTF-8');
          CREATE TABLE built_in_texts (id int PRIMARY KEY, note text COLLATE built_in)`,
    load: "INSERT INTO built_in_texts VALUES (1, 'ä'), (2, 'z')",
    older: "refused",
  },
  {
    name: "exclusion constraint on a partitioned table",
    since: 17,
    tables: ["apart.bookings", "bookings_2024"],
    sql: `CREATE SCHEMA IF NOT EXISTS apart; CREATE TABLE apart.bookings (room int, at date, id int, PRIMARY KEY (id, at), EXCLUDE USING btree (at WITH =, id WITH =)) PARTITION BY RANGE (at);
          CREATE TABLE bookings_2024 PARTITION OF apart.bookings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
    load: "INSERT INTO apart.bookings VALUES (7, '2024-05-01', 1), (8, '2024-05-01', 2); UPDATE apart.bookings SET room = 9 WHERE id = 1",
    older: "left out",
  },
  {
    name: "identity column of a partitioned table",
    since: 17,
    tables: ["apart.numbered", "numbered_2024"],
    sql: `CREATE SCHEMA IF NOT EXISTS apart; CREATE TABLE apart.numbered (id int GENERATED ALWAYS AS IDENTITY, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
          CREATE TABLE numbered_2024 PARTITION OF apart.numbered FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
    load: "INSERT INTO apart.numbered (at) VALUES ('2024-05-01'), ('2024-05-02'); DELETE FROM apart.numbered WHERE id = 1",
    older: "carried",
  },
  {
    name: "virtual generated column",
    since: 18,
    tables: ["doubled"],
    sql: "CREATE TABLE doubled (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL)",
    load: "INSERT INTO doubled (id, n) VALUES (1, 2), (2, NULL); UPDATE doubled SET n = 5 WHERE id = 1",
    older: "left out",
  },
  {
    name: "named NOT NULL with a comment",
    since: 18,
    tables: ["needed"],
    sql: "CREATE TABLE needed (id int PRIMARY KEY, a int CONSTRAINT is_needed NOT NULL); COMMENT ON CONSTRAINT is_needed ON needed IS 'needed'",
    load: "INSERT INTO needed VALUES (1, 1)",
    older: "left out",
  },
  {
    name: "NOT NULL NO INHERIT",
    since: 18,
    tables: ["here_only"],
    sql: "CREATE TABLE here_only (id int PRIMARY KEY, a int NOT NULL NO INHERIT)",
    load: "INSERT INTO here_only VALUES (1, 1)",
    older: "left out",
  },
  {
    name: "CHECK and FOREIGN KEY NOT ENFORCED",
    since: 18,
    tables: ["strict", "loose"],
    sql: `CREATE TABLE strict (id int PRIMARY KEY);
          CREATE TABLE loose (id int PRIMARY KEY, strict int REFERENCES strict NOT ENFORCED, CHECK (id > 5) NOT ENFORCED)`,
    load: "INSERT INTO strict VALUES (7); INSERT INTO loose VALUES (1, 1), (9, 2)",
    older: "left out",
  },
  {
    name: "default uuidv7()",
    since: 18,
    tables: ["sorted_ids"],
    sql: "CREATE TABLE sorted_ids (id uuid DEFAULT uuidv7() PRIMARY KEY, n int)",
    load: "INSERT INTO sorted_ids (n) VALUES (1), (2); UPDATE sorted_ids SET n = 3 WHERE n = 1",
    older: "left out",
  },
  {
    name: "UNIQUE WITHOUT OVERLAPS",
    since: 18,
    tables: ["stays"],
    sql: `CREATE TABLE stays (id int PRIMARY KEY, room int4range NOT NULL, at daterange NOT NULL,
            CONSTRAINT stays_apart UNIQUE (room, at WITHOUT OVERLAPS))`,
    load: "INSERT INTO stays VALUES (1, '[1,2)', '[2024-01-01,2024-01-05)'), (2, '[1,2)', '[2024-01-05,2024-01-09)'); DELETE FROM stays WHERE id = 1",
    older: "refused",
  },
  {
    name: "PRIMARY KEY WITHOUT OVERLAPS",
    since: 18,
    tables: ["prices"],
    sql: "CREATE TABLE prices (id int4range, at daterange, price numeric, PRIMARY KEY (id, at WITHOUT OVERLAPS))",
    load: `INSERT INTO prices VALUES ('[1,2)', '[2024-01-01,2024-01-05)', 1.50), ('[1,2)', '[2024-01-05,2024-01-09)', 2.50);
           UPDATE prices SET price = 3 WHERE lower(at) = '2024-01-05'; DELETE FROM prices WHERE price = 1.50`,
    older: "refused",
  },
];

/** Features that a server of this version has. */
export function featuresOf(major: PostgresMajor): readonly VersionFeature[] {
  return versionFeatures.filter(({ since }) => since <= major);
}
