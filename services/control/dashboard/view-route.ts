/**
 * Which view an address names. An address is what people send each other at night, so that whatever it says is answered: what names no view is the overview. Pure.
 */
export const viewNames = ["overview", "slots", "mismatches", "dead-letters", "jobs", "audit"] as const;
export type ViewName = (typeof viewNames)[number] | "service";

export interface ViewRoute {
  readonly view: ViewName;
  /** Of the view `service`: its name. Of others that show rows of one alone: which; undefined for all. */
  readonly service: string | undefined;
}

/** @param fragment of the address, as `#/service/billing`, `#/mismatches?service=billing` */
export function viewRoute(fragment: string): ViewRoute {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?");
  const [first = "", second = ""] = path.split("/");
  const service = decoded(second);
  if (first === "service" && service !== undefined && service !== "") return { view: "service", service };
  const view = viewNames.find((name) => name === first) ?? "overview";
  return { view, service: view === "overview" ? undefined : (new URLSearchParams(query).get("service") ?? undefined) };
}

export function addressOf({ view, service }: ViewRoute): string {
  if (view === "overview") return "#/";
  if (view === "service") return `#/service/${encodeURIComponent(service ?? "")}`;
  return service === undefined ? `#/${view}` : `#/${view}?${new URLSearchParams({ service }).toString()}`;
}

const titles = {
  overview: "Overview",
  slots: "Slots",
  mismatches: "Mismatches",
  "dead-letters": "Dead letters",
  jobs: "Jobs",
  audit: "Audit",
} as const;

export function titleOf({ view, service }: ViewRoute): string {
  return view === "service" ? `Service ${service ?? ""}` : titles[view];
}

/** @returns undefined for what is no encoding */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
