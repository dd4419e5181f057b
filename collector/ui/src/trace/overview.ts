//! Draws a whole trace as few lines: the paths of the minimap.

import type { Span } from "../api";
import type { TimeRange } from "./state";

/** The minimap's own units. */
export const OVERVIEW = { width: 1000, height: 56 };

/** One path for each colour class, errors in a path of their own on top. */
export function overviewPaths(
  spans: readonly Span[],
  range: TimeRange,
  colours: ReadonlyMap<string, string>,
): Map<string, string> {
  const segments = new Map<string, string[]>();
  // Twenty thousand spans share a few dozen pixel rows: the same segment is drawn once.
  const drawn = new Set<string>();
  const rowPx = Math.min(6, (OVERVIEW.height - 4) / Math.max(1, spans.length));
  const unitsPerNs = OVERVIEW.width / (range.toNs - range.fromNs);

  for (const [index, span] of spans.entries()) {
    const colour = span.status === "error" ? "is-error" : (colours.get(span.service) ?? "service-0");
    const y = Math.round((2 + rowPx * (index + 0.5)) * 2) / 2;
    const left = Math.round((span.offset_ns - range.fromNs) * unitsPerNs);
    const length = Math.max(1, Math.round(span.duration_ns * unitsPerNs));
    const segment = `M${left} ${y}h${length}`;
    if (drawn.has(colour + segment)) continue;
    drawn.add(colour + segment);
    const path = segments.get(colour);
    if (path) path.push(segment);
    else segments.set(colour, [segment]);
  }

  const errors = segments.get("is-error");
  segments.delete("is-error");
  if (errors) segments.set("is-error", errors);
  return new Map([...segments].map(([colour, parts]) => [colour, parts.join("")]));
}
