/** What /readyz says. */
import { z } from "zod";

const shape = z.object({ ready: z.boolean(), units: z.array(z.object({ unit: z.string(), ready: z.boolean(), reason: z.string() })) });

/** @param http where the process serves it, as its log says */
export async function readiness(http: string): Promise<z.infer<typeof shape> & { readonly status: number }> {
  const response = await fetch(`${http}/readyz`);
  return { status: response.status, ...shape.parse(await response.json()) };
}
