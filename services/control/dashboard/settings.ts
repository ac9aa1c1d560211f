/** How somebody wants to read the page: which time, and how bright. Kept by the browser, for all tabs. */
import { computed, effect, type Signal, signal } from "@preact/signals";
import type { Zone } from "./moments.ts";

/** `system` is what the browser prefers. */
export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export const zone = kept<Zone>("offtake-zone", ["UTC", "local"]);
export const theme = kept<Theme>("offtake-theme", themes);

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const preferred = signal(prefersDark.matches);
prefersDark.addEventListener("change", ({ matches }) => (preferred.value = matches));

/** What the page looks like. */
export const brightness = computed((): "light" | "dark" => {
  if (theme.value !== "system") return theme.value;
  return preferred.value ? "dark" : "light";
});

effect(() => {
  document.documentElement.dataset["theme"] = brightness.value;
});

function kept<T extends string>(place: string, allowed: readonly T[]): Signal<T> {
  const found = allowed.find((each) => each === localStorage.getItem(place));
  const setting = signal<T>(found ?? allowed[0]!);
  effect(() => localStorage.setItem(place, setting.value));
  return setting;
}
