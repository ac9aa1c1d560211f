/**
 * What a control process knows, for whoever asks it: where every service is, what the processes say of themselves, what the newest validation has found. A server that is asked by
 * a hundred dashboards at once asks the monolith once.
 *
 * While the control database is away, what it said last stays: a service that is paused has not been resumed by that.
 */
import type { UnitReport } from "../control/unit-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { type StatusAnswer, statusAnswer } from "./status.ts";
import { type StatusSample, StatusSampler } from "./status-sampler.ts";
import type { Finding } from "./finding.ts";

/** Milliseconds for which a look is new enough. */
const freshMs = 1000;

export interface Validation {
  /** ISO 8601. */
  readonly at: string;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

/** Names are public: the API has them. */
export interface InstallationStatus {
  /** When it was looked at, ISO 8601. */
  readonly at: string;
  readonly services: StatusAnswer["object"]["services"];
  readonly units: readonly UnitReport[];
  /** Null before the first, and of a process that does not act. */
  readonly validation: Validation | null;
}

export class ControlBoard implements AsyncDisposable {
  readonly #sampler: StatusSampler;
  #samples: { before: StatusSample; newest: StatusSample } | undefined;
  #looking: Promise<InstallationStatus> | undefined;
  validation: Validation | null = null;

  constructor(configuration: Configuration) {
    this.#sampler = new StatusSampler(configuration, "offtake control status");
  }

  /** Never throws. */
  async status(): Promise<InstallationStatus> {
    const newest = this.#samples?.newest;
    if (newest !== undefined && Date.now() - newest.at < freshMs) return this.#told(newest);
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
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
    const { services } = statusAnswer(this.#samples?.before ?? sample, sample).object;
    return { at: new Date(sample.at).toISOString(), services, units: sample.units ?? [], validation: this.validation };
  }
}

function remembered(sample: StatusSample, before: StatusSample | undefined): StatusSample {
  const services = sample.services.map((service) => {
    const earlier = before?.services.find((each) => each.service === service.service);
    if (earlier === undefined || !service.errors.some(({ code }) => code.startsWith("CONTROL_"))) return service;
    const { copies, reconciliations, paused } = earlier;
    return { ...service, copies, reconciliations, paused };
  });
  return { at: sample.at, services, units: sample.units ?? before?.units };
}
