//! The keys of a trace's page.

import { useLayoutEffect } from "preact/hooks";

import { bindKeys, type KeyTable } from "../keyboard";
import { listHref, navigate } from "../navigation";
import type { TraceModel } from "./model";
import { isFolded, type TraceState } from "./state";
import { panned, zoomed } from "./timescale";
import type { Node } from "./tree";
import type { TraceActions } from "./view";

/** What the keys act on. */
export interface KeyContext {
  model: TraceModel;
  state: TraceState;
  visible: readonly Node[];
  matches: readonly number[];
  actions: TraceActions;
}

const PAN_PART = 0.25;
const PAGE_ROWS = 15;

/** Binds the keys while the page is shown. */
export function useTraceKeys(context: KeyContext): void {
  // Before the next key can arrive: an effect after painting would act on the state before the last key.
  useLayoutEffect(() =>
    bindKeys({ ...moveKeys(context), ...foldKeys(context), ...timeKeys(context), ...pageKeys(context) }),
  );
}

/** The match after or before the selected span, around the end. */
export function nextMatch(context: Omit<KeyContext, "visible">, step: 1 | -1): Node | undefined {
  const { matches, model, state } = context;
  const present = model.byKey.get(state.span)?.index ?? (step === 1 ? -1 : model.nodes.length);
  const found =
    step === 1
      ? (matches.find((index) => index > present) ?? matches[0])
      : (matches.findLast((index) => index < present) ?? matches.at(-1));
  return found === undefined ? undefined : model.nodes[found];
}

function moveKeys({ state, visible, actions }: KeyContext): KeyTable {
  const present = visible.findIndex((node) => node.key === state.span);
  const goTo = (row: number) => () => {
    const node = visible[Math.min(visible.length - 1, Math.max(0, row))];
    if (node) actions.change({ span: node.key });
  };
  return {
    j: goTo(present + 1),
    ArrowDown: goTo(present + 1),
    k: goTo(present - 1),
    ArrowUp: goTo(present - 1),
    PageDown: goTo(present + PAGE_ROWS),
    PageUp: goTo(present - PAGE_ROWS),
    Home: goTo(0),
    End: goTo(visible.length - 1),
  };
}

function foldKeys({ model, state, actions }: KeyContext): KeyTable {
  const selected = model.byKey.get(state.span);
  const isClosed = selected !== undefined && isFolded(state.folding, selected.key);
  const hasChildren = selected !== undefined && selected.descendants > 0;
  return {
    ArrowRight: () => {
      if (!selected || !hasChildren) return;
      const child = model.nodes[selected.index + 1];
      if (isClosed) actions.toggleFold(selected);
      else if (child) actions.change({ span: child.key });
    },
    ArrowLeft: () => {
      if (!selected) return;
      const parent = model.nodes[selected.parent];
      if (hasChildren && !isClosed) actions.toggleFold(selected);
      else if (parent) actions.change({ span: parent.key });
    },
    "[": () => actions.change({ folding: { base: "open", exceptions: new Set() } }),
    "]": () => {
      const root = selected && rootOf(model, selected);
      actions.change({ folding: { base: "folded", exceptions: new Set() }, ...(root && { span: root.key }) });
    },
  };
}

function timeKeys({ model, state, actions }: KeyContext): KeyTable {
  const { whole } = model;
  const range = state.zoom ?? whole;
  return {
    "+": () => actions.change({ zoom: zoomed(range, whole, 0.5) }),
    "=": () => actions.change({ zoom: zoomed(range, whole, 0.5) }),
    "-": () => actions.change({ zoom: zoomed(range, whole, 2) }),
    "0": () => actions.change({ zoom: null }),
    a: () => actions.change({ zoom: panned(range, whole, -PAN_PART) }),
    d: () => actions.change({ zoom: panned(range, whole, PAN_PART) }),
  };
}

function pageKeys(context: KeyContext): KeyTable {
  const { state, model, actions } = context;
  const goToMatch = (step: 1 | -1) => () => {
    const node = nextMatch(context, step);
    if (node) actions.select(node);
  };
  const toggleDetail = () => {
    const selected = model.byKey.get(state.span);
    if (selected) actions.toggleDetail(selected);
  };
  return {
    n: goToMatch(1),
    p: goToMatch(-1),
    Enter: toggleDetail,
    " ": toggleDetail,
    "/": () => document.getElementById("span-search")?.focus(),
    u: () => navigate(listHref()),
    Escape: () => letGo(context),
  };
}

// One step back for each press: the search field, the search, the details, the zoom, the selection.
function letGo({ state, actions }: KeyContext): void {
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && focused !== document.body && !focused.matches("[role=tree]")) focused.blur();
  else if (state.query !== "") actions.change({ query: "" });
  else if (state.opened.size > 0) actions.change({ opened: new Set() });
  else if (state.zoom) actions.change({ zoom: null });
  else actions.change({ span: "" });
}

function rootOf(model: TraceModel, node: Node): Node {
  let current = node;
  for (let parent = model.nodes[current.parent]; parent; parent = model.nodes[current.parent]) current = parent;
  return current;
}
