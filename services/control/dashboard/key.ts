/**
 * The key that the page asks with. It comes in the fragment of the address, which a browser sends to nobody, and leaves it at once: an address is copied into chats, and stands in the history.
 * It lives as long as the tab does.
 */
const place = "offtake-key";

/** @returns the key of the address, which has it no longer, or the one of this tab */
export function takenKey(): string | undefined {
  const given = /^#key=(\S+)$/.exec(location.hash)?.[1];
  if (given !== undefined) {
    keepKey(given);
    history.replaceState(null, "", `${location.pathname}#/`);
  }
  return sessionStorage.getItem(place) ?? undefined;
}

export function keepKey(key: string): void {
  sessionStorage.setItem(place, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(place);
}
