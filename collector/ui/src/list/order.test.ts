//! Order of traces, and how new ones join.

import { expect, test } from "vitest";

import type { Summary } from "../api";
import { summaryOf } from "../sample";
import { countNew, mergeTraces, sortTraces } from "./order";
import type { SortKey } from "./state";

const early = summaryOf({ trace_id: "a", start_unix_ns: "999999999999999999", duration_ns: 3, hops: 1, link: "none" });
const middle = summaryOf({ trace_id: "b", start_unix_ns: "1790000000000000001", duration_ns: 1, hops: 1, errors: 2 });
const late = summaryOf({
  trace_id: "c",
  start_unix_ns: "1790000000000000002",
  duration_ns: 2,
  depth: 9,
  root: null,
  complete: false,
  gaps: 2,
});
const all = [middle, early, late];

test.each<[SortKey, string]>([
  ["time", "cba"],
  ["duration", "acb"],
  ["hops", "cba"],
  ["depth", "cba"],
  ["errors", "bca"],
  ["link", "cba"],
  ["complete", "bac"],
  ["root", "bac"],
])("sorts by %s, the largest first, equal ones newest first", (sort, expected) => {
  expect(idsOf(sortTraces(all, { sort, order: "desc" }))).toBe(expected);
});

test("sorts the other way round", () => {
  expect(idsOf(sortTraces(all, { sort: "duration", order: "asc" }))).toBe("bca");
});

test("new traces join in order of time, and the oldest leave", () => {
  expect(idsOf(mergeTraces([early, middle], [late], 2))).toBe("cb");
});

test("a newer summary of a known trace takes its place", () => {
  const grown = { ...middle, spans: 40 };
  const merged = mergeTraces(all, [grown], 10);
  expect(merged).toHaveLength(3);
  expect(merged.find((trace) => trace.trace_id === "b")?.spans).toBe(40);
});

test("counts as new only what the list does not hold", () => {
  expect(countNew([early, middle], [middle, late])).toBe(1);
});

function idsOf(traces: readonly Summary[]): string {
  return traces.map((trace) => trace.trace_id).join("");
}
