//! The list's state in the address, and what it lets in.

import { expect, test } from "vitest";

import { summaryOf } from "../sample";
import { admits, DEFAULT_LIST, filterParameters, isFiltered, parseListState, writeListState } from "./state";

test("an address without a query is the unfiltered list", () => {
  expect(parseListState("")).toEqual(DEFAULT_LIST);
  expect(writeListState(DEFAULT_LIST)).toBe("");
  expect(isFiltered(DEFAULT_LIST)).toBe(false);
});

test("every state survives the way through the address", () => {
  const state = {
    ...DEFAULT_LIST,
    service: "cart & co",
    operation: "GET /a?b",
    minDurationMs: 0.25,
    maxDurationMs: 900,
    errorsOnly: true,
    since: "15m",
    until: "2026-01-02T03:04:05Z",
    limit: 500,
    sort: "duration" as const,
    order: "asc" as const,
    isLive: true,
    selected: "0af7651916cd43dd8448eb211c80319c",
  };
  expect(parseListState(`?${writeListState(state)}`)).toEqual(state);
  expect(isFiltered(state)).toBe(true);
});

test.each(["limit=0", "limit=1001", "limit=x", "limit=2.5", "sort=colour", "min_duration_ms=-1", "min_duration_ms=x"])(
  "ignores %s",
  (query) => {
    expect(parseListState(query)).toEqual(DEFAULT_LIST);
  },
);

test("asks the collector for nothing but what it knows", () => {
  const asked = filterParameters({ ...DEFAULT_LIST, service: "cart", errorsOnly: true });
  expect(asked.toString()).toBe("service=cart&errors=true&limit=100");
});

test.each([
  [{}, {}, "yes"],
  [{ service: "cart" }, {}, "yes"],
  [{ service: "payment" }, {}, "no"],
  [{ errorsOnly: true }, {}, "no"],
  [{ errorsOnly: true }, { errors: 1 }, "yes"],
  [{ errorsOnly: true, service: "cart" }, { errors: 1 }, "ask"],
  [{ operation: "GET" }, {}, "ask"],
  [{ minDurationMs: 5 }, {}, "ask"],
  [{ minDurationMs: 5, service: "payment" }, {}, "no"],
  [{ until: "1h" }, {}, "no"],
])("with the filter %j a new trace with %j is let in: %s", (filter, trace, expected) => {
  expect(admits({ ...DEFAULT_LIST, ...filter }, summaryOf({ services: ["gateway", "cart"], ...trace }))).toBe(expected);
});
