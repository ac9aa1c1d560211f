/** The page holds an admin's key: whatever gets into it may neither run nor be sent anywhere. Somebody who has found a way to put markup into the page is played by the debugger. */
import { expect, test } from "vitest";
import { httpServer } from "../../support/answering-server.ts";
import { openBrowser } from "../../support/browser.ts";
import { manyServices } from "../../support/many-services.ts";

test("what gets into the page is not run, and nothing of it leaves for another origin", async () => {
  let asked = 0;
  await using elsewhere = await httpServer((_, response) => {
    asked += 1;
    response.writeHead(200, { "access-control-allow-origin": "*" }).end();
  });
  await using installation = await manyServices({ services: 1, tables: 1 });
  await using browser = await openBrowser();
  await using opened = await browser.open(installation.address);
  const { page, faults } = opened;
  await page.getByText("service-00").first().waitFor();
  expect(faults).toEqual([]);
  const found = await page.evaluate<unknown>(`(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = 'a script'";
    document.body.append(script);
    const markup = '<img src="x" onerror="globalThis.ran = 1"><button id="lure" onclick="globalThis.ran = 2">x</button><a id="link" href="javascript:void(globalThis.ran = 3)">x</a>';
    document.body.insertAdjacentHTML("beforeend", markup);
    document.getElementById("lure").click();
    document.getElementById("link").click();
    const answer = (url) => fetch(url).then(({ status }) => status, () => "refused");
    const answers = [await answer("http://127.0.0.1:${elsewhere.port}/"), await answer("api/v1/openapi.json")];
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return { ran: globalThis.ran ?? "nothing", answers };
  })()`);
  expect(found).toEqual({ ran: "nothing", answers: ["refused", 200] });
  expect(asked).toBe(0);
});
