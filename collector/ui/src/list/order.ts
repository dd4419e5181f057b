//! Puts traces in order, and lets new ones in.

import type { LinkKind, Summary } from "../api";
import type { ListState, SortKey } from "./state";

const LINK_STRENGTH: Record<LinkKind, number> = { propagated: 4, "request-id": 3, token: 2, sole: 1, none: 0 };

/** A sorted copy; equal traces stay newest first. */
export function sortTraces(traces: readonly Summary[], by: Pick<ListState, "sort" | "order">): Summary[] {
  const direction = by.order === "asc" ? 1 : -1;
  return traces.toSorted((left, right) => {
    const difference = compare(by.sort, left, right) * direction;
    return difference !== 0 ? difference : compareStart(right, left);
  });
}

/** The newest `limit` of both; a trace that is already known is replaced by its newer summary. */
export function mergeTraces(known: readonly Summary[], arrived: Iterable<Summary>, limit: number): Summary[] {
  const byId = new Map(known.map((trace) => [trace.trace_id, trace]));
  for (const trace of arrived) byId.set(trace.trace_id, trace);
  return sortTraces([...byId.values()], { sort: "time", order: "desc" }).slice(0, limit);
}

/** How many of the arrived traces the list does not hold yet. */
export function countNew(known: readonly Summary[], arrived: Iterable<Summary>): number {
  const ids = new Set(known.map((trace) => trace.trace_id));
  let count = 0;
  for (const trace of arrived) if (!ids.has(trace.trace_id)) count += 1;
  return count;
}

function compare(key: SortKey, left: Summary, right: Summary): number {
  switch (key) {
    case "time":
      return compareStart(left, right);
    case "root":
      return rootLabel(left).localeCompare(rootLabel(right));
    case "duration":
      return left.duration_ns - right.duration_ns;
    case "hops":
      return left.hops - right.hops;
    case "depth":
      return left.depth - right.depth;
    case "errors":
      return left.errors - right.errors;
    case "link":
      return strength(left.link) - strength(right.link);
    case "complete":
      return completeness(left) - completeness(right);
  }
}

// Nanoseconds do not fit a double; decimal strings without leading zeros compare by length, then digits.
function compareStart(left: Summary, right: Summary): number {
  const a = left.start_unix_ns;
  const b = right.start_unix_ns;
  if (a === b) return 0;
  return a.length !== b.length ? a.length - b.length : a < b ? -1 : 1;
}

function rootLabel(trace: Summary): string {
  return trace.root ? `${trace.root.service} ${trace.root.name}` : "";
}

function strength(link: LinkKind | null): number {
  return link === null ? -1 : LINK_STRENGTH[link];
}

function completeness(trace: Summary): number {
  return trace.complete ? 1 : -trace.gaps;
}
