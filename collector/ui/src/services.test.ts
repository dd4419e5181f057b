//! Colours of services.

import { expect, test } from "vitest";

import { colourServices, SERVICE_COLOURS } from "./services";

const many = Array.from({ length: 30 }, (_, index) => `service-${index}`);

test("gives as many services as there are colours a colour each", () => {
  const colours = colourServices(many.slice(0, SERVICE_COLOURS));
  expect(new Set(colours.values()).size).toBe(SERVICE_COLOURS);
});

test("spreads more services evenly over the colours", () => {
  const uses = new Map<string, number>();
  for (const colour of colourServices(many).values()) uses.set(colour, (uses.get(colour) ?? 0) + 1);
  expect(Math.max(...uses.values())).toBe(3);
});

test("does not depend on the order of the spans", () => {
  const names = ["gateway", "cart", "catalog"];
  expect(colourServices(names)).toEqual(colourServices([...names, ...names].reverse()));
});
