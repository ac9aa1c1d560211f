/**
 * The types that columns of random tables have, each with values that are hard to carry, and which of them can be a key.
 *
 * A type that is not here is one that no random table has; so every built-in type that a column can have is, and one of each kind that a user can make.
 */
import { columns, typesSql as monolithTypes } from "../services/apply/random-monolith.ts";

export interface RandomType {
  readonly sql: string;
  /** As PostgreSQL reads them. */
  readonly values: readonly string[];
  /** Whether it has an order, and so can be in a key. */
  readonly ordered: boolean;
  /** A user's own: no virtual column may compute with it. */
  readonly own: boolean;
}

/** Made at the monolith before the tables. */
export const typesSql = `${monolithTypes}
  CREATE TYPE "Größe" AS ENUM ('S', 'M', 'select', '"', '');
  CREATE DOMAIN numbers AS int4[] CHECK (cardinality(VALUE) < 4);
  CREATE DOMAIN solid AS pair;
  CREATE TYPE float_range AS RANGE (SUBTYPE = float8, MULTIRANGE_TYPE_NAME = float_ranges);
`;

/** Besides those of the random monolith. */
const more: readonly (readonly [type: string, values: readonly string[]])[] = [
  ["int8range", ["empty", "[-9223372036854775808,0)"]],
  ["daterange", ["empty", "[2024-01-01,infinity)", "(,2024-01-01)"]],
  ["tsrange", ['["2024-01-01 00:00:00","2024-01-01 00:00:01.5"]']],
  ["int4multirange", ["{}", "{[1,3),[5,)}"]],
  ["int8multirange", ["{}", "{(,-4294967296)}"]],
  ["nummultirange", ["{[1.0,1.00],(2,3)}"]],
  ["tsmultirange", ['{["2024-01-01 00:00:00",infinity)}']],
  ["tstzmultirange", ['{(,"2024-01-01 00:00:00+00")}']],
  ["float_range", ["[-0,Infinity)", "empty"]],
  ["float_ranges", ["{[0.1,0.2),[1,2]}"]],
  ["tid", ["(0,1)", "(4294967295,65535)"]],
  ["xid", ["0", "4294967295"]],
  ["cid", ["4294967295"]],
  ["pg_snapshot", ["10:20:10,14,15"]],
  ["txid_snapshot", ["10:20:"]],
  ["refcursor", ["a cursor"]],
  ["int2vector", ["1 2 -3", ""]],
  ["oidvector", ["1 4294967295"]],
  ["regclass", ["pg_class", "-"]],
  ["regtype", ["integer", "text[]"]],
  ["regproc", ["pg_sleep"]],
  ["regprocedure", ["abs(integer)"]],
  ["regoper", ["||/"]],
  ["regoperator", ["+(integer,integer)"]],
  ["regnamespace", ["pg_catalog"]],
  ["regconfig", ["simple"]],
  ["regdictionary", ["simple"]],
  ["regcollation", ['"C"']],
  ["bit(1)", ["1"]],
  ["bit varying", ["", "101"]],
  ["bpchar", ["a  ", ""]],
  ["numeric(3,5)", ["0.00999"]],
  ["timestamp(0)", ["2024-02-29 23:59:59"]],
  ["time(3)", ["12:00:00.123"]],
  ["interval year to month", ["1 year 2 mons"]],
  ["bool[]", ["{t,NULL,f}"]],
  ["bytea[]", ['{"\\\\x00","\\\\x"}']],
  ["jsonb[]", ['{"{\\"a\\": 1}",NULL}']],
  ["box[]", ["{(1,1),(0,0);(2,2),(1,1)}"]],
  ["int4range[]", ['{"[1,2)",empty}']],
  ["numeric(10,2)[]", ["{1.50,NULL,0.00}"]],
  ["char(3)[]", ['{a,"  "}']],
  ['"Größe"', ["S", "select", '"', ""]],
  ['"Größe"[]', ['{S,"\\"",""}']],
  ["numbers", ["{}", "{1,NULL}"]],
  ["solid", ['(1,"")', "(,)"]],
];

const unordered =
  /^(json|jsonpath|xml|point|line|lseg|box|path|polygon|circle|cid|xid|txid_snapshot|pg_snapshot|refcursor|box\[\]|aclitem|int2vector|regoper)$/;
const owned = /^(mood|short|positive|pair|nested|"Größe"|numbers|solid|float_range)/;

export const randomTypes: readonly RandomType[] = [...columns, ...more].map(([sql, values]) => ({
  sql,
  values,
  ordered: !unordered.test(sql),
  own: owned.test(sql),
}));
