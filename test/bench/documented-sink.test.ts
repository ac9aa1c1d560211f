import { describe, expect, test } from "vitest";
import { messageHeader } from "../../connectors/postgres/message-encoder.ts";
import { documentedSink } from "./documented-sink.ts";

const values = { topic: "shop.orders", "host:port": "127.0.0.1:5432", database: "d", user: "u", password: "p", registry: "http://127.0.0.1:8080" };

describe("the sink's configuration in docs/consumers.md", () => {
  test("is a set of settings, with the place of each server filled in", () => {
    const settings = documentedSink(values);
    expect(settings).toMatchObject({
      "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
      topics: "shop.orders",
      "connection.url": "jdbc:postgresql://127.0.0.1:5432/d?stringtype=unspecified",
      "collection.name.format": "${source.table}",
      "value.converter.apicurio.registry.url": "http://127.0.0.1:8080/apis/registry/v2",
    });
    expect(JSON.stringify(settings)).not.toMatch(/[<>]/);
  });

  test("leaves out messages by the header that they have", () => {
    expect(documentedSink(values)["predicates.message.name"]).toBe(messageHeader);
  });

  test("is refused where it asks for more than is given, or for less", () => {
    expect(() => documentedSink({ topic: "t" })).toThrow("docs/consumers.md: there is no value for <host:port>");
    expect(() => documentedSink({ ...values, extra: "x" })).toThrow("docs/consumers.md has no <extra>");
  });
});
