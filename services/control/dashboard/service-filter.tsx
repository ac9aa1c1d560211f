/** Which service's rows are shown: it stands in the address, so that it can be sent to somebody. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { usePage } from "./page.ts";
import { addressOf, type ViewName } from "./view-route.ts";

export function ServiceFilter({ view, service }: { readonly view: ViewName; readonly service: string | undefined }): JSX.Element {
  const { board } = usePage();
  const id = useId();
  return (
    <p class="filter">
      <label for={id}>Service</label>{" "}
      <select
        id={id}
        value={service ?? ""}
        onChange={(event) => {
          const { value } = event.currentTarget;
          location.hash = addressOf({ view, service: value === "" ? undefined : value });
        }}
      >
        <option value="">all</option>
        {board.names.value.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </p>
  );
}
