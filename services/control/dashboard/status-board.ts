/**
 * The newest status, one signal for each service: a patch makes anew what shows the services it names, and nothing else. One signal for everything made the page render fifty services a second
 * to change a figure of one.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { RateWindow } from "./rate-window.ts";
import type { ShownService, ShownStatus, ShownUnit, ShownValidation, StatusPatch } from "./shown-status.ts";

const none: readonly ShownUnit[] = [];

export class StatusBoard {
  /** When it was looked at, ISO 8601, by the server's clock: ages are counted from here, whatever the clock of the browser says. Undefined before the first. */
  readonly at = signal<string | undefined>(undefined);
  /** In the configuration's order. */
  readonly names = signal<readonly string[]>([]);
  /** Null while nobody can say what the processes do. */
  readonly units = signal<readonly ShownUnit[] | null>([]);
  readonly validation = signal<ShownValidation | null>(null);
  readonly #services = new Map<string, Signal<ShownService>>();
  readonly #captured = new Map<string, { readonly window: RateWindow; readonly rate: Signal<number | null> }>();
  readonly #unitsOf = new Map<string, ReadonlySignal<readonly ShownUnit[] | null>>();

  /** @returns undefined for a service that there is not. Follows `names`, not the service. */
  service(name: string): Signal<ShownService> | undefined {
    return this.names.value.includes(name) ? this.#services.get(name) : undefined;
  }

  /** Events a second that its connector puts into the topic; null while it is not known. */
  capturedPerSecond(name: string): number | null {
    return this.#captured.get(name)?.rate.value ?? null;
  }

  /** What processes say of a unit. Ages go on each second, so that it is another one each second where there is any. Null where it is not known. */
  unitsOf(unit: string): readonly ShownUnit[] | null {
    let own = this.#unitsOf.get(unit);
    if (own === undefined) {
      own = computed(() => {
        const found = this.units.value?.filter((each) => each.unit === unit);
        return found === undefined ? null : found.length === 0 ? none : found;
      });
      this.#unitsOf.set(unit, own);
    }
    return own.value;
  }

  /** Everything anew: what is not in it is gone. */
  replace({ at, services, units, validation }: ShownStatus): void {
    batch(() => {
      for (const each of services) this.#put(each);
      this.names.value = services.map(({ service }) => service);
      this.units.value = units;
      this.validation.value = validation;
      this.at.value = at;
      this.#count(at);
    });
  }

  patch({ at, services, units, validation }: StatusPatch): void {
    batch(() => {
      for (const each of services) {
        const known = this.names.peek().includes(each.service) ? this.#services.get(each.service) : undefined;
        if (known !== undefined) known.value = { ...known.peek(), ...each };
        else if (isWhole(each)) {
          this.#put(each);
          this.names.value = [...this.names.peek(), each.service];
        }
      }
      if (units !== undefined) this.units.value = units;
      if (validation !== undefined) this.validation.value = validation;
      this.at.value = at;
      this.#count(at);
    });
  }

  /** One that is not in a patch has no new event. */
  #count(at: string): void {
    for (const [name, service] of this.#services) {
      let own = this.#captured.get(name);
      if (own === undefined) this.#captured.set(name, (own = { window: new RateWindow(), rate: signal<number | null>(null) }));
      own.rate.value = own.window.add(at, service.peek().topicEnd);
    }
  }

  #put(service: ShownService): void {
    const known = this.#services.get(service.service);
    if (known === undefined) this.#services.set(service.service, signal(service));
    else known.value = service;
  }
}

/** One that was not there before has everything; of one that has not, there is nothing that could be shown. */
function isWhole(service: StatusPatch["services"][number]): service is ShownService {
  return service.slot !== undefined && service.lag !== undefined && service.errors !== undefined;
}
