import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOf, viewNames, viewRoute } from "../../../../services/control/dashboard/view-route.ts";

describe("an address", () => {
  test.each([
    ["", { view: "overview", service: undefined }],
    ["#/", { view: "overview", service: undefined }],
    ["#/nothing/of/that", { view: "overview", service: undefined }],
    ["#/service/", { view: "overview", service: undefined }],
    ["#/service/%E0%A4%A", { view: "overview", service: undefined }],
    ["#/service/trading-engine", { view: "service", service: "trading-engine" }],
    ["#/slots", { view: "slots", service: undefined }],
    ["#/dead-letters?service=billing", { view: "dead-letters", service: "billing" }],
  ])("%s", (address, route) => {
    expect(viewRoute(address)).toEqual(route);
  });

  test("leads to the view that it was made of, whatever the service's name", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" });
    const route = fc.oneof(
      fc.record({ view: fc.constant("service" as const), service: name }),
      fc.record({ view: fc.constantFrom(...viewNames.slice(1)), service: fc.option(name, { nil: undefined }) }),
    );
    fc.assert(
      fc.property(route, (each) => {
        expect(viewRoute(addressOf(each))).toEqual(each);
      }),
    );
  });
});
