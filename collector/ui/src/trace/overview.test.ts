//! Paths of the minimap.

import { expect, test } from "vitest";

import { spanOf } from "../sample";
import { overviewPaths } from "./overview";

const range = { fromNs: 0, toNs: 1000 };
const colours = new Map([["cart", "service-3"]]);

test("draws a span as a line in its service's colour, and errors last", () => {
  const spans = [
    spanOf({ status: "error", offset_ns: 500, duration_ns: 500 }),
    spanOf({ offset_ns: 0, duration_ns: 250 }),
  ];
  expect([...overviewPaths(spans, range, colours)]).toEqual([
    ["service-3", "M0 11h250"],
    ["is-error", "M500 5h500"],
  ]);
});

test("shows even the shortest span", () => {
  expect(overviewPaths([spanOf({ duration_ns: 0 })], range, colours).get("service-3")).toBe("M0 5h1");
});

test("draws the same segment once, however many spans share it", () => {
  const spans = Array.from({ length: 20_000 }, () => spanOf({ duration_ns: 1000 }));
  const path = overviewPaths(spans, range, colours).get("service-3") ?? "";
  expect(path.length).toBeLessThan(2000);
});
