//! Time to width and back: bars, ticks, zoom.

import { formatTick } from "../format";
import type { TimeRange } from "./state";

/** Where a bar lies, in parts of the width; `null` when it is outside. */
export interface BarPlace {
  left: number;
  width: number;
}

// Closer than this, clocks of different machines say nothing any more.
const SMALLEST_RANGE_NS = 1000;

/** The whole time that the spans cover. */
export function wholeRange(spans: readonly { offset_ns: number; duration_ns: number }[]): TimeRange {
  let fromNs = 0;
  let toNs = SMALLEST_RANGE_NS;
  for (const span of spans) {
    fromNs = Math.min(fromNs, span.offset_ns);
    toNs = Math.max(toNs, span.offset_ns + span.duration_ns);
  }
  return { fromNs, toNs };
}

/** The place of a span in the visible range, cut at its ends. */
export function barPlace(range: TimeRange, offsetNs: number, durationNs: number): BarPlace | null {
  const lengthNs = range.toNs - range.fromNs;
  const left = (offsetNs - range.fromNs) / lengthNs;
  const right = (offsetNs + durationNs - range.fromNs) / lengthNs;
  if (right < 0 || left > 1) return null;
  const cutLeft = Math.max(0, left);
  return { left: cutLeft, width: Math.min(1, right) - cutLeft };
}

/** About `count` round times within the range. */
export function rangeTicks(range: TimeRange, count: number): number[] {
  const rough = (range.toNs - range.fromNs) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  const step = factor * power;
  const ticks: number[] = [];
  for (let tick = Math.ceil(range.fromNs / step); tick * step <= range.toNs; tick += 1) ticks.push(tick * step);
  return ticks;
}

const MOST_TICKS = 5;
// As wide as a digit gets in the fonts of the axis, and the air between two labels.
const DIGIT_PX = 8;
const AIR_PX = 14;

/** The width of the axis, and how far from its start a label may end. */
export interface AxisRoom {
  axisPx: number;
  labelsPx: number;
}

/** Round times, as many as have room for their labels, none of which stands out at the end. */
export function readableTicks(range: TimeRange, room: AxisRoom): number[] {
  const startPx = (tick: number) => ((tick - range.fromNs) / (range.toNs - range.fromNs)) * room.axisPx;
  const endPx = (tick: number) => startPx(tick) + formatTick(tick).length * DIGIT_PX + AIR_PX;
  for (let count = MOST_TICKS; count > 1; count -= 1) {
    const ticks = rangeTicks(range, count).filter((tick) => endPx(tick) <= room.labelsPx);
    const isRoomy = ticks.every((tick, index) => endPx(tick) <= startPx(ticks[index + 1] ?? Infinity));
    if (isRoomy) return ticks;
  }
  return rangeTicks(range, 1).slice(0, 1);
}

/** The range zoomed by a factor around its middle; `null` stands for the whole. */
export function zoomed(range: TimeRange, whole: TimeRange, factor: number): TimeRange | null {
  const middle = (range.fromNs + range.toNs) / 2;
  const half = ((range.toNs - range.fromNs) * factor) / 2;
  return clamped({ fromNs: middle - half, toNs: middle + half }, whole);
}

/** The range moved by a part of its own length. */
export function panned(range: TimeRange, whole: TimeRange, part: number): TimeRange | null {
  const lengthNs = range.toNs - range.fromNs;
  const fromNs = Math.min(Math.max(range.fromNs + lengthNs * part, whole.fromNs), whole.toNs - lengthNs);
  return clamped({ fromNs, toNs: fromNs + lengthNs }, whole);
}

/** The range within the whole and not too short; `null` when it is the whole. */
export function clamped(range: TimeRange, whole: TimeRange): TimeRange | null {
  const fromNs = Math.round(Math.max(whole.fromNs, Math.min(range.fromNs, whole.toNs - SMALLEST_RANGE_NS)));
  const toNs = Math.round(Math.min(whole.toNs, Math.max(range.toNs, fromNs + SMALLEST_RANGE_NS)));
  return fromNs <= whole.fromNs && toNs >= whole.toNs ? null : { fromNs, toNs };
}
