//! The arithmetic of the virtual list.

import { expect, test } from "vitest";

import { rowHeight, rowTop, scrollToRow, windowOf, type ListShape } from "./window";

const even: ListShape = { count: 20_000, rowPx: 28, tall: [] };
const uneven: ListShape = {
  count: 100,
  rowPx: 10,
  tall: [
    { index: 2, extraPx: 100 },
    { index: 5, extraPx: 50 },
  ],
};

test("draws only what is near the viewport", () => {
  expect(windowOf(even, 28_000, 560, 5)).toEqual({ first: 995, last: 1026, topPx: 995 * 28, totalPx: 560_000 });
});

test("stays within the list at both ends", () => {
  expect(windowOf(even, 0, 560, 12).first).toBe(0);
  expect(windowOf(even, 560_000, 560, 12).last).toBe(20_000);
});

test("draws nothing of an empty list", () => {
  expect(windowOf({ count: 0, rowPx: 28, tall: [] }, 0, 560, 12)).toEqual({ first: 0, last: 0, topPx: 0, totalPx: 0 });
});

test("rows below a tall one begin lower", () => {
  expect([0, 2, 3, 5, 6, 100].map((index) => rowTop(uneven, index))).toEqual([0, 20, 130, 150, 210, 1150]);
  expect([1, 2, 5].map((index) => rowHeight(uneven, index))).toEqual([10, 110, 60]);
});

test("a tall row is drawn as long as any part of it shows", () => {
  expect(windowOf(uneven, 125, 10, 0)).toMatchObject({ first: 2, topPx: 20 });
  expect(windowOf(uneven, 130, 10, 0)).toMatchObject({ first: 3, topPx: 130 });
});

test.each([
  [3, 0, 300, 0],
  [50, 0, 300, 380],
  [0, 500, 300, 0],
  [50, 700, 300, 630],
  [2, 0, 60, 20],
])("shows row %d from %d px in a viewport of %d px by scrolling to %d px", (index, from, viewportPx, expected) => {
  expect(scrollToRow(uneven, index, from, viewportPx)).toBe(expected);
});
