//! Places traces on a chart of duration over time.

import type { Summary } from "../api";
import { unixMs } from "../format";

/** One trace on the chart, in the chart's own units. */
export interface Point {
  trace: Summary;
  x: number;
  y: number;
}

/** A labelled line of a scale. */
export interface Tick {
  value: number;
  position: number;
}

/** The chart as numbers: positions run from 0 to `width` and from 0 (top) to `height`. */
export interface Chart {
  points: Point[];
  durationTicks: Tick[];
  timeTicks: Tick[];
}

// Even a single trace gets a scale: a quarter of a decade on both sides, and a second around its start.
const SMALLEST_DECADES = 0.5;
const SMALLEST_SPAN_MS = 2000;

/** Lays the traces out; durations on a logarithmic scale because slow traces are slower by factors. */
export function layOutChart(traces: readonly Summary[], width: number, height: number): Chart {
  const logs = traces.map((trace) => Math.log10(Math.max(1, trace.duration_ns)));
  const starts = traces.map((trace) => unixMs(trace.start_unix_ns));
  const [logLow, logHigh] = range(logs, SMALLEST_DECADES);
  const [startLow, startHigh] = range(starts, SMALLEST_SPAN_MS);
  const toX = (ms: number) => ((ms - startLow) / (startHigh - startLow)) * width;
  const toY = (log: number) => height - ((log - logLow) / (logHigh - logLow)) * height;

  return {
    points: traces.map((trace, index) => ({ trace, x: toX(starts[index] ?? 0), y: toY(logs[index] ?? 0) })),
    durationTicks: durationTicks(logLow, logHigh).map((value) => ({ value, position: toY(Math.log10(value)) })),
    timeTicks: evenTicks(startLow, startHigh, timeTickCount(width)).map((value) => ({ value, position: toX(value) })),
  };
}

/** The point nearest to a place, if one is within `reach`. */
export function nearestPoint(points: readonly Point[], x: number, y: number, reach: number): Point | null {
  let nearest: Point | null = null;
  let best = reach * reach;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance <= best) {
      best = distance;
      nearest = point;
    }
  }
  return nearest;
}

function range(values: readonly number[], smallest: number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, smallest];
  const margin = Math.max((high - low) * 0.06, (smallest - (high - low)) / 2);
  return [low - margin, high + margin];
}

// Powers of ten when there are at least two of them, else steps of 1, 2 and 5 as well.
function durationTicks(logLow: number, logHigh: number): number[] {
  const decades: number[] = [];
  const steps: number[] = [];
  for (let exponent = Math.floor(logLow); exponent <= Math.ceil(logHigh); exponent += 1) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** exponent;
      if (Math.log10(value) < logLow || Math.log10(value) > logHigh) continue;
      steps.push(value);
      if (factor === 1) decades.push(value);
    }
  }
  return decades.length >= 3 ? decades : steps;
}

// A time of day with the room around it; two of them always have their ends of the axis.
const TIME_LABEL_PX = 90;

function timeTickCount(width: number): number {
  return Math.min(4, Math.max(1, Math.floor(width / TIME_LABEL_PX)));
}

function evenTicks(low: number, high: number, count: number): number[] {
  return Array.from({ length: count + 1 }, (_, index) => low + ((high - low) * index) / count);
}
