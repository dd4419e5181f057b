//! Sentences about seams.

import { expect, test } from "vitest";

import { seamMeaning } from "./evidence";

const seam = {
  trace_id: "02",
  span_id: "01",
  service: "cart",
  kind: "contained",
  confidence: 0.966,
  candidates: 1,
  cause_trace_id: "01",
  joined: true,
};

test.each([
  [seam, "cart: a trace of its own, joined here by contained, 96.6 % certain."],
  [{ ...seam, joined: false }, "cart: its cause in trace 01 is not here."],
  [
    { ...seam, joined: false, cause_trace_id: null, candidates: 2, confidence: 0.5 },
    "cart: 2 requests could have caused it, each 50.0 % likely; it is not joined.",
  ],
  [
    { ...seam, joined: false, cause_trace_id: null, candidates: 0 },
    "cart: no request that is known can have caused it.",
  ],
])("says what a seam is", (of, words) => {
  expect(seamMeaning(of)).toBe(words);
});
