//! Durations, times and counts as people read and write them.

import { expect, test } from "vitest";

import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatInstant,
  formatTick,
  parseDurationMs,
  unixMs,
} from "./format";

test.each([
  [0, "0 ns"],
  [999, "999 ns"],
  [1000, "1.00 µs"],
  [999_400, "999 µs"],
  [999_700, "1.00 ms"],
  [12_345_678, "12.3 ms"],
  [99_960_000, "100 ms"],
  [1_234_000_000, "1.23 s"],
  [59_940_000_000, "59.9 s"],
  [59_960_000_000, "1 m 00 s"],
  [125_000_000_000, "2 m 05 s"],
  [3_725_000_000_000, "1 h 02 m"],
])("writes a duration of %d ns as %s", (durationNs, expected) => {
  expect(formatDuration(durationNs)).toBe(expected);
});

test.each([
  [0, "0"],
  [200, "200 ns"],
  [5_000_000, "5 ms"],
  [2_500, "2.5 µs"],
  [300_000.00000000006, "300 µs"],
  [20_000_000_000, "20 s"],
])("writes a tick of %d ns as %s", (durationNs, expected) => {
  expect(formatTick(durationNs)).toBe(expected);
});

test.each([
  ["250", 250],
  ["250ms", 250],
  ["1.5 s", 1500],
  [" 2m ", 120_000],
  ["40us", 0.04],
  ["40µs", 0.04],
  [".5S", 500],
])("reads the duration %j", (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected);
});

test.each(["", "ms", "-5", "1h", "1,5s", "1e3", "five"])("refuses the duration %j", (text) => {
  expect(parseDurationMs(text)).toBeNull();
});

test("keeps the fraction of a start that does not fit a double as an integer", () => {
  expect(unixMs("1790000000000250000")).toBe(1_790_000_000_000.25);
});

test("writes an instant with all nine digits of its second", () => {
  expect(formatInstant("1790000000012345678")).toBe("2026-09-21T14:13:20.012345678Z");
});

test("writes the date of a time that is not of today", () => {
  const then = new Date(2026, 0, 5, 3, 4, 5, 6).getTime();
  expect(formatClock(then, then)).toBe("03:04:05.006");
  expect(formatClock(then, new Date(2026, 0, 6, 0, 0).getTime())).toBe("2026-01-05 03:04:05.006");
});

test("counts one thing and many", () => {
  expect([formatCount(1, "span"), formatCount(0, "span"), formatCount(1204, "span")]).toEqual([
    "1 span",
    "0 spans",
    "1,204 spans",
  ]);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [3_400_000, "3.40 MB"],
])("writes %d bytes as %s", (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});
