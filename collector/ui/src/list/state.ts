//! The state of the list of traces, and how the address spells it.

import type { Summary } from "../api";

/** What can be sorted by. */
export type SortKey = "time" | "root" | "duration" | "hops" | "depth" | "errors" | "link" | "complete";

/** Everything the reader can set on the list. */
export interface ListState {
  service: string;
  operation: string;
  minDurationMs: number | null;
  maxDurationMs: number | null;
  errorsOnly: boolean;
  since: string;
  until: string;
  limit: number;
  sort: SortKey;
  order: "asc" | "desc";
  isLive: boolean;
  selected: string;
}

/** The part of the state that the collector filters by. */
export type Filter = Pick<
  ListState,
  "service" | "operation" | "minDurationMs" | "maxDurationMs" | "errorsOnly" | "since" | "until" | "limit"
>;

/** How many traces a list may hold. */
export const LIMITS: readonly number[] = [20, 100, 500, 1000];

/** Ages that can be chosen; the empty one is everything kept. */
export const AGES: readonly [string, string][] = [
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["", "Everything kept"],
];

/** An unfiltered list, newest first. */
export const DEFAULT_LIST: ListState = {
  service: "",
  operation: "",
  minDurationMs: null,
  maxDurationMs: null,
  errorsOnly: false,
  since: "",
  until: "",
  limit: 100,
  sort: "time",
  order: "desc",
  isLive: false,
  selected: "",
};

const SORT_KEYS: readonly string[] = ["time", "root", "duration", "hops", "depth", "errors", "link", "complete"];

/** Reads an address; what it does not understand is as if absent. */
export function parseListState(search: string): ListState {
  const parameters = new URLSearchParams(search);
  const limit = Number(parameters.get("limit"));
  const sort = parameters.get("sort") ?? "";
  return {
    service: parameters.get("service") ?? "",
    operation: parameters.get("operation") ?? "",
    minDurationMs: numberOrNull(parameters.get("min_duration_ms")),
    maxDurationMs: numberOrNull(parameters.get("max_duration_ms")),
    errorsOnly: parameters.get("errors") === "true",
    since: parameters.get("since") ?? "",
    until: parameters.get("until") ?? "",
    limit: Number.isInteger(limit) && limit >= 1 && limit <= 1000 ? limit : DEFAULT_LIST.limit,
    sort: SORT_KEYS.includes(sort) ? (sort as SortKey) : DEFAULT_LIST.sort,
    order: parameters.get("order") === "asc" ? "asc" : "desc",
    isLive: parameters.get("live") === "true",
    selected: parameters.get("selected") ?? "",
  };
}

/** The query of the address, without what is as by default. */
export function writeListState(state: ListState): string {
  const parameters = filterParameters(state);
  if (state.limit === DEFAULT_LIST.limit) parameters.delete("limit");
  if (state.sort !== DEFAULT_LIST.sort) parameters.set("sort", state.sort);
  if (state.order !== DEFAULT_LIST.order) parameters.set("order", state.order);
  if (state.isLive) parameters.set("live", "true");
  if (state.selected !== "") parameters.set("selected", state.selected);
  return parameters.toString();
}

/** The parameters of the request to the collector. */
export function filterParameters(filter: Filter): URLSearchParams {
  const parameters = new URLSearchParams();
  if (filter.service !== "") parameters.set("service", filter.service);
  if (filter.operation !== "") parameters.set("operation", filter.operation);
  if (filter.minDurationMs !== null) parameters.set("min_duration_ms", String(filter.minDurationMs));
  if (filter.maxDurationMs !== null) parameters.set("max_duration_ms", String(filter.maxDurationMs));
  if (filter.errorsOnly) parameters.set("errors", "true");
  if (filter.since !== "") parameters.set("since", filter.since);
  if (filter.until !== "") parameters.set("until", filter.until);
  parameters.set("limit", String(filter.limit));
  return parameters;
}

/** Whether anything narrows the list. */
export function isFiltered(filter: Filter): boolean {
  const parameters = filterParameters(filter);
  parameters.delete("limit");
  return parameters.size > 0;
}

/** Whether a trace that was just announced belongs to the list; `ask` when only the collector can tell. */
export function admits(filter: Filter, trace: Summary): "yes" | "no" | "ask" {
  if (filter.until !== "") return "no";
  if (filter.service !== "" && !trace.services.includes(filter.service)) return "no";
  if (filter.errorsOnly && trace.errors === 0) return "no";
  const asksOneSpan = filter.operation !== "" || filter.minDurationMs !== null || filter.maxDurationMs !== null;
  // A summary does not say which span has the error, so "an error of this service" is the collector's to answer.
  return asksOneSpan || (filter.errorsOnly && filter.service !== "") ? "ask" : "yes";
}

function numberOrNull(text: string | null): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
