/**
 * The dashboard's page and its files. They have no data in them, so they take no key; what the page asks for, it asks of the API, with the key of whoever looks at it.
 *
 * A page that ran what somebody has put into a row of a table would hold an admin's key while it does: it may load and ask what is of its own origin, and nothing that stands in it is run.
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import { OfftakeError } from "../runtime/errors.ts";
import type { DashboardBundle } from "./dashboard-bundle.ts";

const own = ["'self'"];
const none = ["'none'"];

/** Source: W3C, "Content Security Policy Level 3". */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    "default-src": none,
    "script-src": own,
    "style-src": own,
    "img-src": own,
    "connect-src": own,
    "base-uri": none,
    "form-action": none,
    "frame-ancestors": none,
  },
};

/** Seconds: a file of another content has another name. */
const keptSeconds = 31_536_000;

/** @param load asked at the first request, and again where it has failed */
export function addDashboard(app: FastifyInstance, load: () => Promise<DashboardBundle>): void {
  let loading: Promise<DashboardBundle> | undefined;
  const bundle = async (): Promise<DashboardBundle> => {
    loading ??= load();
    try {
      return await loading;
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };
  app.get("/", { helmet: { contentSecurityPolicy } }, async (_, reply) => {
    const { page } = await bundle();
    return reply.type("text/html; charset=utf-8").send(page);
  });
  app.get<{ Params: { name: string } }>("/assets/:name", async ({ params, headers }, reply) => {
    const { assets } = await bundle();
    const asset = assets.get(params.name);
    if (asset === undefined)
      throw new OfftakeError("API_NOT_FOUND", `The dashboard has no file ${params.name}.`, {
        cure: "Load the page again: it is of another version.",
      });
    reply.type(asset.type).header("cache-control", `public, max-age=${keptSeconds}, immutable`).header("vary", "accept-encoding");
    return sent(reply, asset, headers["accept-encoding"]);
  });
}

function sent(reply: FastifyReply, { body, gzip }: { readonly body: Buffer; readonly gzip: Buffer }, accepted: string | undefined): FastifyReply {
  const takesGzip = (accepted ?? "").split(",").some((each) => /^\s*(gzip|\*)\s*(;\s*q=(1|0?\.\d*[1-9]).*)?$/i.test(each));
  return takesGzip ? reply.header("content-encoding", "gzip").send(gzip) : reply.send(body);
}
