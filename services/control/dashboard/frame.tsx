/** What stands around every view: where else one can go, who looks, how the page is read, and whether it is live. */
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Choice } from "./choice.tsx";
import { LiveBanner } from "./live-banner.tsx";
import { usePage } from "./page.ts";
import { theme, themes, zone } from "./settings.ts";
import { addressOf, titleOf, type ViewRoute, viewNames } from "./view-route.ts";

export function Frame({ route, children }: { readonly route: ViewRoute; readonly children: ComponentChildren }): JSX.Element {
  const { holder, signOut, live } = usePage();
  const heading = useRef<HTMLHeadingElement>(null);
  const address = addressOf(route);
  const before = useRef(address);
  useEffect(() => {
    document.title = `${titleOf(route)} - Offtake`;
    // Whoever went there by the keyboard goes on from there; who has just come reads from the top.
    if (before.current !== address) heading.current?.focus();
    before.current = address;
  }, [address]);
  useSignalEffect(() => {
    document.documentElement.dataset["live"] = live.liveness.value.state;
  });
  return (
    <>
      <a
        href="#main"
        class="skip"
        onClick={(event) => {
          event.preventDefault();
          heading.current?.focus();
        }}
      >
        Skip to the view
      </a>
      <header>
        <span class="name">Offtake</span>
        <nav aria-label="Views">
          <ul>
            {viewNames.map((view) => (
              <li key={view}>
                <a href={addressOf({ view, service: undefined })} aria-current={isOf(route, view) ? "page" : undefined}>
                  {titleOf({ view, service: undefined })}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="settings">
          <Choice label="Time zone" all={["UTC", "local"]} chosen={zone} />
          <Choice label="Colours" all={themes} chosen={theme} />
          <span class="who">{holder.value === undefined ? "" : `${holder.value.name} (${holder.value.role})`}</span>
          <button type="button" onClick={signOut}>
            Sign out
          </button>
        </div>
      </header>
      <LiveBanner />
      <main id="main">
        <h1 ref={heading} tabIndex={-1}>
          {titleOf(route)}
        </h1>
        {children}
      </main>
    </>
  );
}

function isOf(route: ViewRoute, view: ViewRoute["view"]): boolean {
  return route.view === view || (route.view === "service" && view === "overview");
}
