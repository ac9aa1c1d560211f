import { expect, inject, test } from "vitest";
import { kafkaAnswers } from "../../../infra/local/kafka-answers.ts";
import { registryAnswers } from "../../../infra/local/registry-server.ts";

test("the shared Kafka has a broker that clients are let in to", async () => {
  const [broker, ...others] = inject("kafka");
  expect(others).toEqual([]);
  await expect(kafkaAnswers(broker ?? "none")).resolves.toBeUndefined();
});

test("the shared registry lists its subjects", async () => {
  await expect(registryAnswers(inject("registry"))).resolves.toBeUndefined();
});
