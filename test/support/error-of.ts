/** What a piece of work fails with; one that does not fail is a failure of the test. */
import { OfftakeError } from "../../services/runtime/errors.ts";

export async function errorOf(work: Promise<unknown>): Promise<OfftakeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OfftakeError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
