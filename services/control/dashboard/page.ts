/** What every part of the page shares: who looks, what is known, and how to ask for more. There is one as long as a key is in use. */
import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ApiClient } from "./api-client.ts";
import type { KeyHolder } from "./api-answers.ts";
import type { LiveStream } from "./live-stream.ts";
import type { StatusBoard } from "./status-board.ts";

export interface Page {
  readonly client: ApiClient;
  readonly board: StatusBoard;
  readonly live: LiveStream;
  /** Undefined until the server has said whose key it is. */
  readonly holder: Signal<KeyHolder | undefined>;
  readonly signOut: () => void;
}

export const PageContext = createContext<Page | undefined>(undefined);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error("outside of the page");
  return page;
}
