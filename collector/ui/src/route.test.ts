//! Paths and their pages.

import { expect, test } from "vitest";

import { routeOf } from "./route";

test.each([
  ["/", { page: "list" }],
  ["/index.html", { page: "list" }],
  ["/trace/0af7651916cd43dd8448eb211c80319c", { page: "trace", traceId: "0af7651916cd43dd8448eb211c80319c" }],
  ["/trace/abc/", { page: "trace", traceId: "abc" }],
  ["/trace/", { page: "unknown" }],
  ["/trace/a/b", { page: "unknown" }],
  ["/alerts", { page: "alerts" }],
  ["/alerts/4bf92f3577b34da6", { page: "alert", id: "4bf92f3577b34da6" }],
  ["/alerts/a/b", { page: "unknown" }],
  ["/traces", { page: "unknown" }],
  ["/api/v1/traces", { page: "unknown" }],
])("%s", (path, expected) => {
  expect(routeOf(path)).toEqual(expected);
});
