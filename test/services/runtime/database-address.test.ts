import { expect, test } from "vitest";
import { databaseAddress } from "../../../services/runtime/database-address.ts";

test.each([
  ["postgres://a:x@db/shop", "postgresql://b@DB:5432/shop?sslmode=require"],
  ["postgres://a@localhost:1/shop", "postgres://a@127.0.0.1:1/shop"],
  ["postgres://a@[::1]:1/my%20shop", "postgres://a@localhost:1/my shop"],
  ["postgres:///shop?host=/run/postgresql", "postgres:///shop?host=/run/postgresql&port=5432"],
])("%s and %s are one database", (one, other) => {
  expect(databaseAddress(one)).toBe(databaseAddress(other));
});

test.each([
  ["postgres://db/shop", "postgres://db/shop2"],
  ["postgres://db/shop", "postgres://db:5433/shop"],
  ["postgres://db/shop", "postgres://db2/shop"],
])("%s and %s are two", (one, other) => {
  expect(databaseAddress(one)).not.toBe(databaseAddress(other));
});
