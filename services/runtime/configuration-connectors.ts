/**
 * Connectors of offtake.yaml that have to fit the services, each other, and PostgreSQL.
 *
 * Two connectors on one slot throw each other out for ever; a service without one is never replicated, and looks merely quiet. PostgreSQL would
 * say some of it too, hours later and one at a time.
 *
 * Pure. Works on whatever part of the file is valid: what is not there was at fault before, and is not judged.
 */
import { slotName, slotPattern, type WrittenConfiguration } from "../../schemas/configuration.ts";
import { keyText, pathText, type Fault, type Path } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";
import { nearestName } from "./nearest-name.ts";

type Valid = Part<WrittenConfiguration>;

/** What a connector is named after its service where the file does not say. */
export function defaultPublication(service: string): string {
  return `${service.replaceAll("-", "_")}_pub`;
}

export function defaultSlot(service: string): string {
  return `offtake_${service.replaceAll("-", "_")}`;
}

/** A connector with the places that its faults point at: those of the service where the connector is left to the default. */
interface Place {
  readonly owner: Path;
  readonly service: string | undefined;
  readonly slot: { readonly name: string; readonly path: Path } | undefined;
  readonly publication: { readonly name: string; readonly path: Path } | undefined;
}

export function checkConnectors(valid: Valid): Fault[] {
  const places = connectorPlaces(valid);
  return [
    ...(valid.connectors === undefined ? [] : assignments(valid, places)),
    ...postgresNames(places),
    ...twice("slot", places),
    ...twice("publication", places),
  ];
}

function connectorPlaces(valid: Valid): Place[] {
  const { connectors } = valid;
  if (connectors === undefined) {
    // Left out, not at fault.
    if (Object.hasOwn(valid, "connectors")) return [];
    return Object.keys(valid.services ?? {}).map((service) => {
      const path = ["services", service];
      return { owner: path, service, slot: { name: defaultSlot(service), path }, publication: { name: defaultPublication(service), path } };
    });
  }
  return Object.entries(connectors).map(([name, connector]) => {
    const owner = ["connectors", name];
    const service = connector?.service;
    const named = (key: "slot" | "publication", byDefault: (service: string) => string): Place["slot"] => {
      const written = connector?.[key];
      if (written !== undefined) return { name: written, path: [...owner, key] };
      if (service === undefined || Object.hasOwn(connector ?? {}, key)) return undefined;
      return { name: byDefault(service), path: owner };
    };
    return { owner, service, slot: named("slot", defaultSlot), publication: named("publication", defaultPublication) };
  });
}

/** Each service has one connector, each connector one service. */
function assignments(valid: Valid, places: readonly Place[]): Fault[] {
  if (valid.services === undefined) return [];
  const faults: Fault[] = [];
  const services = Object.keys(valid.services);
  const readers = new Map<string, Path>();
  for (const { owner, service } of places) {
    if (service === undefined) continue;
    const path = [...owner, "service"];
    const before = readers.get(service);
    if (!services.includes(service)) {
      const nearest = nearestName(service, services);
      const answer = nearest === undefined ? "" : `: did you mean \`${nearest}\`?`;
      faults.push({ path, at: "value", message: `${pathText(path)}: there is no service \`${keyText(service)}\`${answer}` });
    } else if (before !== undefined)
      faults.push({
        path,
        at: "value",
        message: `${pathText(path)}: ${pathText(before)} reads for \`${service}\` already; a service has one connector`,
      });
    else readers.set(service, owner);
  }
  // A connector whose service is at fault may be the one that is missed.
  if (places.some(({ service }) => service === undefined)) return faults;
  for (const service of services) {
    if (!readers.has(service))
      faults.push({
        path: ["services", service],
        at: "key",
        message: `no connector has \`service: ${keyText(service)}\`; add one, or leave out \`connectors\` for one each`,
      });
  }
  return faults;
}

function postgresNames(places: readonly Place[]): Fault[] {
  return places.flatMap(({ slot, publication }) => {
    const faults: Fault[] = [];
    if (slot !== undefined && !slotPattern.test(slot.name))
      faults.push({
        path: slot.path,
        at: "key",
        message: `the slot would be called \`${keyText(slot.name)}\`: expected ${slotName}; set \`slot\` in \`connectors\``,
      });
    if (publication !== undefined && Buffer.byteLength(publication.name) > 63)
      faults.push({
        path: publication.path,
        at: "value",
        message: `the publication \`${keyText(publication.name)}\` is longer than PostgreSQL's 63 bytes`,
      });
    return faults;
  });
}

function twice(key: "slot" | "publication", places: readonly Place[]): Fault[] {
  const first = new Map<string, Place>();
  return places.flatMap((place) => {
    const named = place[key];
    if (named === undefined) return [];
    const before = first.get(named.name);
    if (before === undefined) first.set(named.name, place);
    // Two connectors of one service are a fault already, and have the same names by default.
    if (before === undefined || before.service === place.service) return [];
    const message = `${pathText(place.owner)}: ${pathText(before.owner)} has the ${key} \`${keyText(named.name)}\` already`;
    return [{ path: named.path, at: "value" as const, message }];
  });
}
