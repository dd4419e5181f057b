//! Places on the chart.

import { expect, test } from "vitest";

import { summaryOf } from "../sample";
import { layOutChart, nearestPoint } from "./chart";

const traces = [
  summaryOf({ trace_id: "a", start_unix_ns: "1790000000000000000", duration_ns: 1_000_000 }),
  summaryOf({ trace_id: "b", start_unix_ns: "1790000060000000000", duration_ns: 1_000_000_000 }),
];

test("later is further right and slower is higher, all within the frame", () => {
  const [first, second] = layOutChart(traces, 400, 100).points;
  expect(second?.x).toBeGreaterThan(first?.x ?? Infinity);
  expect(second?.y).toBeLessThan(first?.y ?? -Infinity);
  for (const point of [first, second]) {
    expect(point?.x).toBeGreaterThanOrEqual(0);
    expect(point?.x).toBeLessThanOrEqual(400);
    expect(point?.y).toBeGreaterThanOrEqual(0);
    expect(point?.y).toBeLessThanOrEqual(100);
  }
});

test("puts one trace in the middle and still labels the scale", () => {
  const chart = layOutChart(traces.slice(0, 1), 400, 100);
  expect(chart.points[0]?.x).toBeCloseTo(200);
  expect(chart.points[0]?.y).toBeCloseTo(50);
  expect(chart.durationTicks.map((tick) => tick.value)).toContain(1_000_000);
});

test("labels powers of ten over a wide range", () => {
  const values = layOutChart(traces, 400, 100).durationTicks.map((tick) => Math.round(tick.value));
  expect(values).toEqual([1e6, 1e7, 1e8, 1e9]);
});

test("draws nothing of nothing", () => {
  expect(layOutChart([], 400, 100).points).toEqual([]);
});

test("finds the nearest trace within reach only", () => {
  const { points } = layOutChart(traces, 400, 100);
  const first = points[0] ?? { x: 0, y: 0 };
  expect(nearestPoint(points, first.x + 3, first.y - 3, 10)?.trace.trace_id).toBe("a");
  expect(nearestPoint(points, first.x + 30, first.y, 10)).toBeNull();
});

test.each([
  [800, 5],
  [246, 3],
  [100, 2],
])("labels no more times than a width of %d has room for", (width, count) => {
  expect(layOutChart(traces, width, 100).timeTicks).toHaveLength(count);
});
