//! The state of one trace's page, and how the address spells it.

/** Which spans hide their children: all with a few exceptions, or none with a few exceptions. */
export interface Folding {
  base: "open" | "folded";
  exceptions: ReadonlySet<string>;
}

/** A part of the trace's time, in nanoseconds from its start. */
export interface TimeRange {
  fromNs: number;
  toNs: number;
}

/** Everything the reader can set on the page of a trace; spans are named by the keys of their nodes. */
export interface TraceState {
  span: string;
  opened: ReadonlySet<string>;
  folding: Folding;
  zoom: TimeRange | null;
  query: string;
  showsGaps: boolean;
}

/** Nothing selected, nothing folded, the whole time. */
export const DEFAULT_TRACE: TraceState = {
  span: "",
  opened: new Set(),
  folding: { base: "open", exceptions: new Set() },
  zoom: null,
  query: "",
  showsGaps: false,
};

// An address written by hand must not make the page keep millions of keys.
const MOST_KEYS = 2000;

/** Reads an address; what it does not understand is as if absent. */
export function parseTraceState(search: string): TraceState {
  const parameters = new URLSearchParams(search);
  return {
    span: parameters.get("span") ?? "",
    opened: keySet(parameters.get("open")),
    folding: {
      base: parameters.get("fold") === "all" ? "folded" : "open",
      exceptions: keySet(parameters.get("except")),
    },
    zoom: parseZoom(parameters.get("zoom")),
    query: parameters.get("q") ?? "",
    showsGaps: parameters.get("gaps") === "shown",
  };
}

/** The query of the address, without what is as by default. */
export function writeTraceState(state: TraceState): string {
  const parameters = new URLSearchParams();
  if (state.span !== "") parameters.set("span", state.span);
  if (state.opened.size > 0) parameters.set("open", [...state.opened].join(" "));
  if (state.folding.base === "folded") parameters.set("fold", "all");
  if (state.folding.exceptions.size > 0) parameters.set("except", [...state.folding.exceptions].join(" "));
  if (state.zoom) parameters.set("zoom", `${Math.round(state.zoom.fromNs)}-${Math.round(state.zoom.toNs)}`);
  if (state.query !== "") parameters.set("q", state.query);
  if (state.showsGaps) parameters.set("gaps", "shown");
  return parameters.toString();
}

/** Whether a span hides its children. */
export function isFolded(folding: Folding, key: string): boolean {
  return (folding.base === "folded") !== folding.exceptions.has(key);
}

/** The folding in which this one span is the other way. */
export function toggleFolding(folding: Folding, key: string): Folding {
  return { base: folding.base, exceptions: toggled(folding.exceptions, key) };
}

/** The set with the member added, or taken out when it was there. */
export function toggled(members: ReadonlySet<string>, member: string): Set<string> {
  const next = new Set(members);
  if (!next.delete(member)) next.add(member);
  return next;
}

function keySet(text: string | null): Set<string> {
  if (text === null) return new Set();
  return new Set(text.split(" ", MOST_KEYS).filter((key) => /^[0-9a-f]{16}(\.[a-z]+)?$/.test(key)));
}

function parseZoom(text: string | null): TimeRange | null {
  const found = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? "");
  if (!found) return null;
  const zoom = { fromNs: Number(found[1]), toNs: Number(found[2]) };
  return zoom.fromNs < zoom.toNs ? zoom : null;
}
