import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { roles } from "../../../../services/control/dashboard/api-answers.ts";
import { addressOf, titleOf, viewNames } from "../../../../services/control/dashboard/view-route.ts";
import { allOf } from "./every-action.ts";

const text = readFileSync(new URL("../../../../docs/dashboard.md", import.meta.url), "utf8");

/** Rows of the table whose first column has this name. */
function documented(name: string): string[][] {
  const [, table = ""] = new RegExp(`^\\| ${name} \\|.*\n\\|[-|]+\\|\n((?:\\|.*\n?)+)`, "m").exec(text) ?? [];
  return table
    .trim()
    .split("\n")
    .map((line) => line.slice(2, -2).split(" | "));
}

describe("docs/dashboard.md", () => {
  test("names every view and where it is", () => {
    const overview = viewNames[0];
    const views = [overview, "service", ...viewNames.slice(1)] as const;
    expect(documented("view").map(([name, address]) => [name, address])).toEqual(
      views.map((view) => {
        const route = { view, service: view === "service" ? "<name>" : undefined };
        return [titleOf(route).replace(" <name>", ""), `\`${decodeURIComponent(addressOf(route))}\``];
      }),
    );
  });

  test("has a picture of every view, light and dark, and none of what is no view", () => {
    const pictures = viewNames
      .flatMap((view) => (view === "overview" ? [view, "service"] : [view]))
      .flatMap((view) => [`${view}-dark.png`, `${view}-light.png`]);
    expect([...text.matchAll(/="dashboard\/([^"]+)"/g)].map((match) => match[1])).toEqual(pictures);
    expect(new Set(readdirSync(new URL("../../../../docs/dashboard", import.meta.url)))).toEqual(new Set(pictures));
  });

  test("names every button, its command, who may press it, and whether it asks for the service's name", () => {
    const holders = roles.map((role) => ({ role, actions: allOf({ name: "ada", role }) }));
    const actions = Object.entries(allOf({ name: "ada", role: "admin" })).map(([name, { label, command, danger }]) => [
      label,
      `\`${command}\``,
      holders.find((holder) => holder.actions[name]?.blocked === undefined)?.role,
      danger === undefined ? "" : "yes",
    ]);
    expect(documented("button").map((cells) => cells.map((cell) => cell.trim()))).toEqual(actions);
  });
});
