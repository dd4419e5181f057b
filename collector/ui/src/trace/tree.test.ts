//! Rows of the tree.

import { expect, test } from "vitest";

import { spanOf } from "../sample";
import type { Folding } from "./state";
import { buildTree, findMatches, revealing, visibleNodes } from "./tree";

// a ── b ── c
//   └─ d
// e
const tree = buildTree(
  [
    ["a", 0],
    ["b", 1],
    ["c", 2],
    ["d", 1],
    ["e", 0],
  ].map(([id, level]) => spanOf({ span_id: String(id), name: `op-${id}`, level: Number(level) })),
);
const open: Folding = { base: "open", exceptions: new Set() };

test("knows parents, descendants and siblings", () => {
  expect(tree.map((node) => node.parent)).toEqual([-1, 0, 1, 0, -1]);
  expect(tree.map((node) => node.descendants)).toEqual([3, 1, 0, 0, 0]);
  expect(tree.map((node) => `${node.position}/${node.siblings}`)).toEqual(["1/2", "1/2", "1/1", "2/2", "2/2"]);
});

test("draws a level that skips ahead directly below the span before it", () => {
  const odd = buildTree([spanOf({ span_id: "a", level: 3 }), spanOf({ span_id: "b", level: 7 })]);
  expect(odd.map((node) => node.level)).toEqual([0, 1]);
});

test("tells spans apart that share an id", () => {
  const shared = buildTree([spanOf({ kind: "client" }), spanOf({ kind: "server", level: 1 })]);
  expect(shared.map((node) => node.key)).toEqual(["b7ad6b7169203331", "b7ad6b7169203331.server"]);
});

test.each<[string, Folding, string]>([
  ["nothing folded", open, "abcde"],
  ["one folded", { base: "open", exceptions: new Set(["b"]) }, "abde"],
  ["a root folded hides all below", { base: "open", exceptions: new Set(["a", "b"]) }, "ae"],
  ["all folded", { base: "folded", exceptions: new Set() }, "ae"],
  ["all folded but one", { base: "folded", exceptions: new Set(["a"]) }, "abde"],
])("%s", (_, folding, expected) => {
  expect(
    visibleNodes(tree, folding)
      .map((node) => node.key)
      .join(""),
  ).toBe(expected);
});

test.each<[Folding]>([
  [{ base: "folded", exceptions: new Set() }],
  [{ base: "open", exceptions: new Set(["a", "b", "c"]) }],
])("reveals a span by opening what is above it, and nothing else", (folding) => {
  const revealed = revealing(tree, 2, folding);
  expect(visibleNodes(tree, revealed).map((node) => node.key)).toEqual(["a", "b", "c", "d", "e"]);
  expect(revealed.exceptions.has("c")).toBe(folding.exceptions.has("c"));
});

const spans = buildTree([
  spanOf({ span_id: "a", service: "svc-1", attributes: { "url.path": "/Orders", "http.response.status_code": 503 } }),
  spanOf({ span_id: "b", service: "svc-11", status: "error", status_message: "reset by peer" }),
  spanOf({ span_id: "c", service: "my shop", resource: { "k8s.pod.name": "cart-1" }, link: "request-id" }),
]);

test.each([
  ["", ""],
  ["   ", ""],
  ["svc-1", "ab"],
  ["service=svc-1", "a"],
  ['service="my shop"', "c"],
  ["is:error", "b"],
  ["is:error svc-1", "b"],
  ["503", "a"],
  ["/orders", "a"],
  ["http.response.status_code=503", "a"],
  ["RESET", "b"],
  ['"reset by"', "b"],
  ["cart-1 request-id", "c"],
  ["nowhere", ""],
])("finds %j in %j", (query, expected) => {
  expect(
    findMatches(spans, query)
      .map((index) => spans[index]?.key)
      .join(""),
  ).toBe(expected);
});
