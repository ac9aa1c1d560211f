/** The page: the form without a key, the view of the address with one. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { apiClient } from "./api-client.ts";
import type { KeyHolder } from "./api-answers.ts";
import { AuditView } from "./audit-view.tsx";
import { DeadLettersView } from "./dead-letters-view.tsx";
import { Frame } from "./frame.tsx";
import { JobsView } from "./jobs-view.tsx";
import { KeyForm } from "./key-form.tsx";
import { forgetKey, keepKey, takenKey } from "./key.ts";
import { LiveStream } from "./live-stream.ts";
import { MismatchesView } from "./mismatches-view.tsx";
import { OverviewView } from "./overview-view.tsx";
import { type Page, PageContext } from "./page.ts";
import { ServiceView } from "./service-view.tsx";
import type { Trouble } from "./shown-status.ts";
import { SlotsView } from "./slots-view.tsx";
import { StatusBoard } from "./status-board.ts";
import { type ViewRoute, viewRoute } from "./view-route.ts";

const key = signal<string | undefined>(takenKey());
const refusedKey = signal<Trouble | undefined>(undefined);
const route = signal<ViewRoute>(viewRoute(location.hash));
addEventListener("hashchange", () => {
  const brought = location.hash.startsWith("#key=") ? takenKey() : undefined;
  if (brought !== undefined) key.value = brought;
  route.value = viewRoute(location.hash);
});

/** Milliseconds between two looks whose key it is, where the first had no answer. */
const holderMs = 3000;

export function App(): JSX.Element {
  const take = (given: string): void => {
    refusedKey.value = undefined;
    keepKey(given);
    key.value = given;
  };
  return key.value === undefined ? <KeyForm trouble={refusedKey.value} take={take} /> : <Opened value={key.value} key={key.value} />;
}

/** @param trouble why the key is not used any more; undefined for whoever has signed out */
function close(trouble: Trouble | undefined): void {
  forgetKey();
  refusedKey.value = trouble;
  key.value = undefined;
}

function Opened({ value }: { readonly value: string }): JSX.Element {
  const page = useMemo((): Page => {
    // An answer to a key of before is none to the one that was given since.
    const client = apiClient(value, (trouble) => {
      if (key.value === value) close(trouble);
    });
    const board = new StatusBoard();
    return { client, board, live: new LiveStream(client, board), holder: signal<KeyHolder | undefined>(undefined), signOut: () => close(undefined) };
  }, [value]);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const learnHolder = async (): Promise<void> => {
      try {
        page.holder.value = await page.client.get<KeyHolder>("key");
      } catch {
        if (!stop.signal.aborted) timer = setTimeout(() => void learnHolder(), holderMs);
      }
    };
    void learnHolder();
    void page.live.follow(stop.signal);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [page]);
  return (
    <PageContext.Provider value={page}>
      <Frame route={route.value}>
        <View route={route.value} />
      </Frame>
    </PageContext.Provider>
  );
}

function View({ route: { view, service } }: { readonly route: ViewRoute }): JSX.Element {
  switch (view) {
    case "overview":
      return <OverviewView />;
    case "service":
      return <ServiceView name={service ?? ""} key={service} />;
    case "slots":
      return <SlotsView />;
    case "mismatches":
      return <MismatchesView service={service} />;
    case "dead-letters":
      return <DeadLettersView service={service} />;
    case "jobs":
      return <JobsView service={service} />;
    case "audit":
      return <AuditView service={service} />;
  }
}
