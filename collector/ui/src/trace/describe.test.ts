//! A span in words.

import { expect, test } from "vitest";

import { spanOf, summaryOf } from "../sample";
import { failureCode, operationOf, whyIncomplete } from "./describe";

test.each([
  [{ name: "GET" }, "GET"],
  [{ name: "GET", attributes: { "url.path": "/cart" } }, "GET /cart"],
  [{ name: "GET /cart/{id}", attributes: { "url.path": "/cart/7" } }, "GET /cart/{id}"],
  [{ name: "Check", attributes: { "url.path": "/health.Health/Check", "rpc.system.name": "grpc" } }, "Check"],
])("names the operation of %j", (part, expected) => {
  expect(operationOf(spanOf(part))).toBe(expected);
});

test.each([
  [{ status: "unset", attributes: { "http.response.status_code": 404 } }, null],
  [{ status: "error", attributes: { "http.response.status_code": 503, "error.type": "UF" } }, "503"],
  [
    { status: "error", attributes: { "http.response.status_code": 200, "rpc.response.status_code": "INTERNAL" } },
    "INTERNAL",
  ],
  [{ status: "error", attributes: { "error.type": "UT" } }, "UT"],
  [{ status: "error", attributes: {} }, null],
] as const)("says why a span failed: %j", (part, expected) => {
  expect(failureCode(spanOf(part))).toBe(expected);
});

test.each([
  [{}, "several roots"],
  [{ root: null }, "no root"],
  [{ truncated: true }, "read in part"],
  [{ truncated: true, root: null }, "read in part"],
])("says why a trace without gaps is not complete: %j", (part, expected) => {
  expect(whyIncomplete(summaryOf({ complete: false, ...part }))).toBe(expected);
});
