/** Says that the figures are old, and since when, as long as they are. */
import type { JSX } from "preact";
import { timeText } from "./moments.ts";
import { usePage } from "./page.ts";
import { zone } from "./settings.ts";

export function LiveBanner(): JSX.Element {
  const { live } = usePage();
  const { value } = live.liveness;
  return (
    <div role="status" aria-live="polite" class="banner" data-state={value.state}>
      {value.state === "broken" && (
        <p class="note page">
          {value.since === undefined ? (
            <b>There are no live figures yet.</b>
          ) : (
            <b>
              Live updates have stopped: the figures are of <time dateTime={value.since}>{timeText(value.since, zone.value)}</time>.
            </b>
          )}{" "}
          {value.trouble.message} {value.trouble.cure} The page tries again by itself.
        </p>
      )}
    </div>
  );
}
