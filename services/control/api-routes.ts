/** Every operation of the HTTP API, below /api/v1. What is not here does not exist: the document is made of it, and tests go through it. */
import type { z } from "zod";
import { OfftakeError } from "../runtime/errors.ts";
import { type Route, route } from "./api-route.ts";
import * as schemas from "./api-schemas.ts";
import { historyEveryMs } from "./lag-history.ts";
import type { Operations, Page } from "./operations.ts";

const { nothing, page, serviceParams } = schemas;
const read = { method: "GET", role: "viewer", status: 200, query: nothing, body: nothing } as const;
const change = { method: "POST", role: "operator", status: 200, query: nothing, body: nothing } as const;

export const routes: readonly Route[] = [
  route({
    ...read,
    path: "/key",
    summary: "Whose key this is, and what it may do.",
    params: nothing,
    answer: schemas.ownKey,
    handle: async ({ key: { name, role } }) => ({ name, role }),
  }),
  route({
    ...read,
    path: "/status",
    summary: "Where every service is, what the processes say, what the newest validation has found.",
    params: nothing,
    answer: schemas.installationStatus,
    handle: async (_, operations) => operations.status(),
  }),
  route({
    ...read,
    path: "/services/:service",
    summary: "Where one service is.",
    params: serviceParams,
    answer: schemas.serviceStatus,
    handle: async ({ params }, operations) => serviceOf(operations, params.service),
  }),
  route({
    ...read,
    path: "/services/:service/lag",
    summary: "Its lag alone, by stage.",
    params: serviceParams,
    answer: schemas.lag,
    handle: async ({ params: { service } }, operations) => {
      const { lag, paused } = await serviceOf(operations, service);
      return { service, at: new Date().toISOString(), lag, paused };
    },
  }),
  route({
    ...read,
    path: "/services/:service/history",
    summary: "Its last hour: lag by stage, rate, and the WAL that its slot retains.",
    params: serviceParams,
    answer: schemas.history,
    handle: async ({ params: { service } }, operations) => ({
      service,
      everySeconds: historyEveryMs / 1000,
      ...operations.history(knownService(operations, service)),
    }),
  }),
  route({
    ...read,
    path: "/services/:service/tables",
    summary: "Its tables, each with what is known of it.",
    params: serviceParams,
    answer: schemas.serviceTables,
    handle: async ({ params }, operations) => operations.tables(knownService(operations, params.service)),
  }),
  route({
    ...read,
    path: "/connectors/:name",
    summary: "A connector: its slot, what it has captured, and the processes that run it.",
    params: schemas.connectorParams,
    answer: schemas.connectorStatus,
    handle: async ({ params: { name } }, operations) => connectorOf(operations, name),
  }),
  route({
    ...read,
    path: "/mismatches",
    summary: "Rows that the newest pass over each table has found wrong, or the stream since.",
    params: nothing,
    query: page,
    answer: schemas.mismatches,
    handle: async ({ query }, operations) => ({ mismatches: await operations.mismatches(known(operations, query)) }),
  }),
  route({
    ...read,
    path: "/reconciliations",
    summary: "Passes over tables, newest first.",
    params: nothing,
    query: page,
    answer: schemas.reconciliations,
    handle: async ({ query }, operations) => ({ reconciliations: await operations.reconciliations(known(operations, query)) }),
  }),
  route({
    ...read,
    path: "/dead-letters",
    summary: "The first event of each queue of dead letters.",
    params: nothing,
    query: schemas.serviceQuery,
    answer: schemas.deadLetters,
    handle: async ({ query }, operations) => {
      const { service } = known(operations, { ...query, limit: 1 });
      const items = await operations.deadLetters(service);
      return { queues: items.filter((item) => item["code"] === undefined), errors: items.filter((item) => item["code"] !== undefined) };
    },
  }),
  route({
    ...read,
    path: "/dead-letters/:id",
    summary: "The queue of a dead letter, with its events. As `offtake dlq show`.",
    params: schemas.letterParams,
    answer: schemas.shownLetters,
    handle: async ({ params }, operations) => {
      const { service, id } = letterOf(operations, params.id);
      return operations.deadLetter(service, id);
    },
  }),
  route({
    ...read,
    path: "/audit",
    summary: "Who did what, newest first.",
    params: nothing,
    query: page.omit({ table: true }),
    answer: schemas.audit,
    handle: async ({ query }, operations) => ({ entries: await operations.audit(known(operations, query)) }),
  }),
  route({
    ...read,
    path: "/jobs",
    summary: "Copies, passes and repairs that were asked for, newest first.",
    params: nothing,
    query: page.omit({ table: true }),
    answer: schemas.jobs,
    handle: async ({ query }, operations) => ({ jobs: await operations.jobs(known(operations, query)) }),
  }),
  route({
    ...read,
    path: "/jobs/:id",
    summary: "One of them.",
    params: schemas.jobParams,
    answer: schemas.job,
    handle: async ({ params: { id } }, operations) => (await operations.job(id)) ?? notFound(`job ${id}`, jobsAre),
  }),
  route({
    ...change,
    path: "/services/:service/pause",
    summary: "Stop applying to a service; capture goes on. As `offtake pause`.",
    params: serviceParams,
    answer: schemas.pauseAnswer,
    handle: async ({ params, who }, operations) => operations.pause(knownService(operations, params.service), who),
  }),
  route({
    ...change,
    path: "/services/:service/resume",
    summary: "Apply again. As `offtake resume`.",
    params: serviceParams,
    answer: schemas.pauseAnswer,
    handle: async ({ params, who }, operations) => operations.resume(knownService(operations, params.service), who),
  }),
  route({
    ...change,
    path: "/services/:service/snapshot",
    summary: "Have tables copied, or copied again. As `offtake snapshot start`.",
    params: serviceParams,
    body: schemas.snapshotBody,
    status: 202,
    answer: schemas.jobs,
    handle: async ({ params, body, who }, operations) => ({
      jobs: await operations.snapshot(knownService(operations, params.service), body.tables, who),
    }),
  }),
  route({
    ...change,
    path: "/services/:service/reconcile",
    summary: "Compare tables with the monolith's. As `offtake reconcile`.",
    params: serviceParams,
    body: schemas.reconcileBody,
    status: 202,
    answer: schemas.jobs,
    handle: async ({ params, body, who }, operations) => ({
      jobs: [await operations.request("reconcile", knownService(operations, params.service), body, who)],
    }),
  }),
  route({
    ...change,
    path: "/services/:service/repair",
    summary: "Publish again what a pass finds wrong. As `offtake repair`.",
    params: serviceParams,
    body: schemas.repairBody,
    status: 202,
    answer: schemas.jobs,
    handle: async ({ params, body, who }, operations) => ({
      jobs: [await operations.request("repair", knownService(operations, params.service), body, who)],
    }),
  }),
  route({
    ...change,
    path: "/dead-letters/:id/replay",
    summary: "Apply the queue of a dead letter. As `offtake dlq replay`.",
    params: schemas.letterParams,
    answer: schemas.replayAnswer,
    handle: async ({ params, who }, operations) => {
      const { service, id } = letterOf(operations, params.id);
      return operations.replay(service, id, who);
    },
  }),
  route({
    ...change,
    path: "/dead-letters/:id/skip",
    role: "admin",
    summary: "Drop the first dead letter of a queue, or all of it: it is never applied. As `offtake dlq skip`.",
    params: schemas.letterParams,
    body: schemas.skipBody,
    answer: schemas.skipAnswer,
    handle: async ({ params, body, who }, operations) => {
      const { service, id } = letterOf(operations, params.id);
      return operations.skip(service, id, { ...body, who });
    },
  }),
  route({
    ...change,
    path: "/notifications/test",
    role: "admin",
    summary: "Tell each webhook that somebody wants to know whether it arrives. As `offtake notifications test`.",
    params: nothing,
    answer: schemas.testedWebhooks,
    handle: async ({ who }, operations) => operations.testNotifications(who),
  }),
  route({
    ...change,
    path: "/jobs/:id/cancel",
    summary: "Call a job off; what is done of it stays.",
    params: schemas.jobParams,
    answer: schemas.cancelAnswer,
    handle: async ({ params: { id }, who }, operations) => ({
      id,
      cancelled: (await operations.cancelJob(id, who)) ?? notFound(`job ${id}`, jobsAre),
    }),
  }),
];

const jobsAre = "GET /api/v1/jobs lists them.";

function notFound(what: string, cure: string): never {
  throw new OfftakeError("API_NOT_FOUND", `There is no ${what}.`, { cure });
}

function knownService({ services }: Operations, name: string): string {
  return services.includes(name) ? name : notFound(`service ${name}`, `The services are ${services.join(", ")}.`);
}

function known(operations: Operations, asked: Page): Page {
  if (asked.service !== undefined) knownService(operations, asked.service);
  return asked;
}

function letterOf(operations: Operations, id: string): { readonly service: string; readonly id: string } {
  const colon = id.lastIndexOf(":");
  return { service: knownService(operations, id.slice(0, colon)), id: id.slice(colon + 1) };
}

async function serviceOf(operations: Operations, name: string): Promise<z.infer<typeof schemas.serviceStatus>> {
  const { services } = await operations.status();
  return schemas.serviceStatus.parse(services.find(({ service }) => service === knownService(operations, name)));
}

async function connectorOf(operations: Operations, name: string): Promise<z.infer<typeof schemas.connectorStatus>> {
  const { services, units, at } = await operations.status();
  const found =
    services.find(({ connector }) => connector === name) ?? notFound(`connector ${name}`, `The connectors are ${operations.connectors.join(", ")}.`);
  const { connector, service, slot, capturedLsn, lag } = schemas.serviceStatus.parse(found);
  const own = units?.filter(({ unit }) => unit === `connector ${name}`).map((each) => ({ ...each })) ?? null;
  return { connector, service, at, slot, capturedLsn, lag: lag.capture, units: own };
}
