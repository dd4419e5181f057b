//! Which rows of a long list are near the visible part: the arithmetic of the virtual list.

/** A row that is taller than the others. */
export interface TallRow {
  index: number;
  extraPx: number;
}

/** A list as the arithmetic sees it; `tall` is in order of index. */
export interface ListShape {
  count: number;
  rowPx: number;
  tall: readonly TallRow[];
}

/** The rows to draw: `first` up to but not including `last`, beginning `topPx` below the list's start. */
export interface Window {
  first: number;
  last: number;
  topPx: number;
  totalPx: number;
}

/** How far below the list's start a row begins. */
export function rowTop(shape: ListShape, index: number): number {
  let top = index * shape.rowPx;
  for (const row of shape.tall) {
    if (row.index >= index) break;
    top += row.extraPx;
  }
  return top;
}

/** How tall a row is. */
export function rowHeight(shape: ListShape, index: number): number {
  return shape.rowPx + (shape.tall.find((row) => row.index === index)?.extraPx ?? 0);
}

/** The rows that a viewport shows, and `spare` more on both sides. */
export function windowOf(shape: ListShape, scrollTop: number, viewportPx: number, spare: number): Window {
  const firstSeen = rowAt(shape, scrollTop);
  const lastSeen = rowAt(shape, scrollTop + viewportPx);
  const first = Math.max(0, firstSeen - spare);
  const last = Math.min(shape.count, lastSeen + 1 + spare);
  return { first, last, topPx: rowTop(shape, first), totalPx: rowTop(shape, shape.count) };
}

/** Where to scroll so that a row and its neighbours are seen; the present place when they already are. */
export function scrollToRow(shape: ListShape, index: number, scrollTop: number, viewportPx: number): number {
  const height = rowHeight(shape, index);
  // Two rows of context on both sides, as far as the viewport has room for them.
  const margin = Math.max(0, Math.min(2 * shape.rowPx, (viewportPx - height) / 2));
  const top = rowTop(shape, index) - margin;
  const bottom = top + Math.min(height + 2 * margin, viewportPx);
  if (top < scrollTop) return Math.max(0, top);
  if (bottom > scrollTop + viewportPx) return bottom - viewportPx;
  return scrollTop;
}

function rowAt(shape: ListShape, px: number): number {
  let low = 0;
  let high = Math.max(0, shape.count - 1);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rowTop(shape, middle) <= px) low = middle;
    else high = middle - 1;
  }
  return low;
}
