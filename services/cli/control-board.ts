/**
 * What a control process knows, for whoever asks it: where every service is, what the processes say of themselves, what the newest validation has found. A server that is asked by
 * a hundred dashboards at once asks the monolith once.
 *
 * While the control database is away, what it said last stays: a service that is paused has not been resumed by that.
 */
import { type History, type HistorySample, LagHistory } from "../control/lag-history.ts";
import { secondsToLoss, slotGrowth } from "../control/slot-growth.ts";
import type { UnitReport } from "../control/unit-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { type StatusAnswer, statusAnswer } from "./status.ts";
import { type StatusSample, StatusSampler } from "./status-sampler.ts";
import type { Finding } from "./finding.ts";
import type { ServiceStatus } from "./service-status.ts";
import { type ShownTable, shownTables } from "./shown-tables.ts";

/** Milliseconds for which a look is new enough. */
const freshMs = 1000;

export interface Validation {
  /** ISO 8601. */
  readonly at: string;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

type AnsweredService = StatusAnswer["object"]["services"][number];

/** What can only be said by who has looked for a while. Null where that was not long enough, or nobody can tell. */
export interface BoardService extends AnsweredService {
  readonly slot: AnsweredService["slot"] & {
    /** Of what it retains; 0 where that does not grow. */
    readonly growthBytesPerSecond: number | null;
    /** Until the slot is lost, at that rate; null, too, where there is no limit. */
    readonly secondsToLoss: number | null;
  };
}

/** Names are public: the API has them. */
export interface InstallationStatus {
  /** When it was looked at, ISO 8601. */
  readonly at: string;
  readonly services: readonly BoardService[];
  /** Null where the control database cannot say. */
  readonly units: readonly UnitReport[] | null;
  /** Null before the first, and of a process that does not act. */
  readonly validation: Validation | null;
}

export interface InstallationTables {
  readonly service: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tables: readonly ShownTable[];
  readonly errors: ServiceStatus["errors"];
}

export class ControlBoard implements AsyncDisposable {
  readonly #sampler: StatusSampler;
  #samples: { before: StatusSample; newest: StatusSample } | undefined;
  #looking: Promise<InstallationStatus> | undefined;
  readonly #histories: ReadonlyMap<string, LagHistory>;
  /** Of what each service's slot retains, as of the newest sample of its history. */
  readonly #growth = new Map<string, number | null>();
  validation: Validation | null = null;

  constructor(configuration: Configuration) {
    this.#sampler = new StatusSampler(configuration, "offtake control status");
    this.#histories = new Map(configuration.services.map(({ name }) => [name, new LagHistory()]));
  }

  /** Never throws. */
  async status(): Promise<InstallationStatus> {
    const newest = this.#samples?.newest;
    if (newest !== undefined && Date.now() - newest.at < freshMs) return this.#told(newest);
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** The tables of one service. Never throws: what cannot be asked is in its errors. */
  async tables(service: string): Promise<InstallationTables> {
    const [{ services }, { known, errors }] = await Promise.all([this.status(), this.#sampler.tables(service)]);
    const status = services.find((each) => each.service === service);
    const tables = status === undefined ? [] : shownTables(known, status);
    return { service, at: new Date().toISOString(), tables, errors: errors.map(({ code, message, cure }) => ({ code, message, cure })) };
  }

  /** Adds what is the case now to the histories. */
  async remember(): Promise<void> {
    const { services, at } = await this.status();
    for (const status of services) {
      const history = this.#histories.get(status.service);
      history?.add(Date.parse(at) / 1000, sampleOf(status));
      this.#growth.set(status.service, history === undefined ? null : slotGrowth(history.read()));
    }
  }

  /** The last hour of a service, as far as this process has seen it. */
  history(service: string): History {
    return (this.#histories.get(service) ?? new LagHistory()).read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking;
    await this.#sampler[Symbol.asyncDispose]();
  }

  async #look(): Promise<InstallationStatus> {
    const sample = remembered(await this.#sampler.sample(), this.#samples?.newest);
    this.#samples = { before: this.#samples?.newest ?? sample, newest: sample };
    return this.#told(sample);
  }

  #told(sample: StatusSample): InstallationStatus {
    const answered = statusAnswer(this.#samples?.before ?? sample, sample).object.services;
    const services = answered.map((service): BoardService => {
      const growth = this.#growth.get(service.service) ?? null;
      return { ...service, slot: { ...service.slot, growthBytesPerSecond: growth, secondsToLoss: secondsToLoss(service.slot.safeBytes, growth) } };
    });
    return { at: new Date(sample.at).toISOString(), services, units: sample.units ?? null, validation: this.validation };
  }
}

function sampleOf({ lag: { capture, apply }, slot, appliedOffset }: ServiceStatus): HistorySample {
  return {
    captureBytes: capture.bytes,
    captureSeconds: capture.seconds,
    applyBytes: apply.bytes,
    applySeconds: apply.seconds,
    applyEvents: apply.events,
    retainedBytes: slot.retainedBytes,
    appliedOffset,
  };
}

function remembered(sample: StatusSample, before: StatusSample | undefined): StatusSample {
  const services = sample.services.map((service) => {
    const earlier = before?.services.find((each) => each.service === service.service);
    if (earlier === undefined || !service.errors.some(({ code }) => code.startsWith("CONTROL_"))) return service;
    const { copies, reconciliations, alerts, paused } = earlier;
    return { ...service, copies, reconciliations, alerts, paused };
  });
  // What processes said before is not remembered: one that has died since would be well for as long as nobody can say so.
  return { at: sample.at, services, units: sample.units };
}
