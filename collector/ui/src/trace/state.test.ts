//! The state of a trace's page in the address.

import { expect, test } from "vitest";

import { DEFAULT_TRACE, isFolded, parseTraceState, toggled, toggleFolding, writeTraceState } from "./state";

const FIRST = "b7ad6b7169203331";
const SECOND = "00f067aa0ba902b7";

test("an address without a query shows the whole trace", () => {
  expect(parseTraceState("")).toEqual(DEFAULT_TRACE);
  expect(writeTraceState(DEFAULT_TRACE)).toBe("");
});

test("every state survives the way through the address", () => {
  const state = {
    span: FIRST,
    opened: new Set([FIRST, `${SECOND}.client`]),
    folding: { base: "folded" as const, exceptions: new Set([SECOND]) },
    zoom: { fromNs: 12, toNs: 3_000_000_000 },
    query: 'is:error service="my shop" 503',
    showsGaps: true,
  };
  expect(parseTraceState(`?${writeTraceState(state)}`)).toEqual(state);
});

test.each(["zoom=9-3", "zoom=3", "zoom=-1-4", "zoom=0x10-99", "open=zz", "except=%3Cscript%3E", "fold=some", "gaps=1"])(
  "ignores %s",
  (query) => {
    expect(parseTraceState(query)).toEqual(DEFAULT_TRACE);
  },
);

test("takes only so many keys from an address", () => {
  const keys = Array.from({ length: 5000 }, (_, index) => index.toString(16).padStart(16, "0"));
  expect(parseTraceState(`?open=${keys.join("+")}`).opened.size).toBe(2000);
});

test("folds one span among open ones, and opens one among folded ones", () => {
  for (const base of ["open", "folded"] as const) {
    const folding = toggleFolding({ base, exceptions: new Set() }, FIRST);
    expect(isFolded(folding, FIRST)).toBe(base === "open");
    expect(isFolded(folding, SECOND)).toBe(base === "folded");
    expect(isFolded(toggleFolding(folding, FIRST), FIRST)).toBe(base === "folded");
  }
});

test("toggling leaves the given set as it was", () => {
  const given = new Set(["a"]);
  expect([...toggled(given, "b")]).toEqual(["a", "b"]);
  expect([...toggled(given, "a")]).toEqual([]);
  expect([...given]).toEqual(["a"]);
});
