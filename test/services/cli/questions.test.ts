import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Questions } from "../../../services/cli/questions.ts";

test("an empty answer is what was offered, and the end of the input is none", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  using questions = new Questions(input, output);
  const first = questions.ask("Service", "orders");
  input.write("  \n");
  expect(await first).toBe("orders");
  const second = questions.ask("Service", "users");
  input.write(" people \n");
  expect(await second).toBe("people");
  const third = questions.ask("Service", "rest");
  input.end();
  await expect(third).rejects.toMatchObject({ code: "INTERRUPTED" });
  await expect(questions.ask("Service", "rest")).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(String(output.read())).toMatch(/^Service \[orders\]: Service \[users\]: Service \[rest\]: /);
});
