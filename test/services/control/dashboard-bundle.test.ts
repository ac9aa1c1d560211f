import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bundleOf, dashboardBundle } from "../../../services/control/dashboard-bundle.ts";

/** Bytes: whoever is woken at night may sit in a train. */
const most = 60_000;

describe("the dashboard, built of its source", async () => {
  const { page, assets } = await dashboardBundle();

  test("is one script, one style and a picture, below 60 KB together", () => {
    expect([...assets.keys()].map((name) => name.replace(/-[A-Z0-9]{8}\./, "."))).toEqual(
      expect.arrayContaining(["main.js", "style.css", "icon.svg"]),
    );
    expect(assets.size).toBe(3);
    expect([...assets.values()].reduce((sum, { gzip }) => sum + gzip.length, Buffer.byteLength(page))).toBeLessThan(most);
  });

  test("has a page that names all of them, and nothing that a browser would run or apply", () => {
    const named = [...page.matchAll(/(?:src|href)="assets\/([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(named)).toEqual(new Set(assets.keys()));
    expect(page).not.toMatch(/<style|style=|<script[^>]*>[^<]|\son\w+=|https?:/);
  });

  test("asks nobody but its own origin for anything: it works where there is no network", () => {
    for (const { name, body } of assets.values())
      expect([name, body.toString().match(/(?:src|href|url|import|fetch)\W{0,3}(?:https?:)?\/\/[^"'`)\s]+/g)]).toEqual([name, null]);
  });

  test("is compressed once, to what it is", () => {
    for (const { body, gzip } of assets.values()) expect(gunzipSync(gzip).equals(body)).toBe(true);
  });

  test("has names with a hash, the same whenever it is built of the same", async () => {
    const again = await dashboardBundle();
    expect([...again.assets.keys()]).toEqual([...assets.keys()]);
    expect([...assets.keys()].every((name) => /-[A-Z0-9]{8}\.\w+$/.test(name))).toBe(true);
  });
});

test("files that are not whole are no dashboard", () => {
  expect(() => bundleOf([{ name: "main-ABCDEFGH.js", body: Buffer.from("") }])).toThrow("no .svg is there");
});
