//! Time to width and back.

import { expect, test } from "vitest";

import { barPlace, clamped, panned, rangeTicks, readableTicks, wholeRange, zoomed } from "./timescale";

const whole = { fromNs: 0, toNs: 100_000 };

test("covers the span that ends last, and never nothing", () => {
  expect(
    wholeRange([
      { offset_ns: 0, duration_ns: 5000 },
      { offset_ns: 4000, duration_ns: 9000 },
    ]),
  ).toEqual({ fromNs: 0, toNs: 13_000 });
  expect(wholeRange([])).toEqual({ fromNs: 0, toNs: 1000 });
});

test.each([
  [0, 100_000, { left: 0, width: 1 }],
  [25_000, 50_000, { left: 0.25, width: 0.5 }],
  [90_000, 50_000, { left: 0.9, width: 1 - 0.9 }],
  [50_000, 0, { left: 0.5, width: 0 }],
  [100_001, 5, null],
])("places a bar that starts at %d and lasts %d", (offsetNs, durationNs, expected) => {
  expect(barPlace(whole, offsetNs, durationNs)).toEqual(expected);
});

test("a bar that ended before the range has no place", () => {
  expect(barPlace({ fromNs: 50_000, toNs: 60_000 }, 0, 40_000)).toBeNull();
});

test.each([
  [0, 100_000, [0, 20_000, 40_000, 60_000, 80_000, 100_000]],
  [0, 73_000, [0, 20_000, 40_000, 60_000]],
  [12_000, 14_000, [12_000, 12_500, 13_000, 13_500, 14_000]],
])("puts round ticks between %d and %d", (fromNs, toNs, expected) => {
  expect(rangeTicks({ fromNs, toNs }, 5)).toEqual(expected);
});

test("zooms around the middle and back to the whole", () => {
  const half = zoomed(whole, whole, 0.5);
  expect(half).toEqual({ fromNs: 25_000, toNs: 75_000 });
  expect(zoomed(half ?? whole, whole, 2)).toBeNull();
});

test("pans up to the ends and keeps the length", () => {
  const range = { fromNs: 60_000, toNs: 80_000 };
  expect(panned(range, whole, 0.5)).toEqual({ fromNs: 70_000, toNs: 90_000 });
  expect(panned(range, whole, 9)).toEqual({ fromNs: 80_000, toNs: 100_000 });
  expect(panned(range, whole, -9)).toEqual({ fromNs: 0, toNs: 20_000 });
});

test("does not zoom in on less than a microsecond", () => {
  expect(clamped({ fromNs: 5000, toNs: 5001 }, whole)).toEqual({ fromNs: 5000, toNs: 6000 });
  expect(clamped({ fromNs: 99_990, toNs: 100_000 }, whole)).toEqual({ fromNs: 99_000, toNs: 100_000 });
});

test.each([
  ["wide", 700, 860, [0, 5, 10, 15, 20]],
  ["with the last label cut off by the end", 336, 350, [0, 5, 10, 15]],
  ["half a phone", 105, 180, [0, 20]],
  ["no room at all", 0, 0, []],
])("leaves room for each label: %s", (_, axisPx, labelsPx, expectedMs) => {
  const ticks = readableTicks({ fromNs: 0, toNs: 22_300_000 }, { axisPx, labelsPx });
  expect(ticks.map((tick) => tick / 1e6)).toEqual(expectedMs);
});
