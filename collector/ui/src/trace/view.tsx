//! One trace: summary, gaps, search, minimap and waterfall, all steered by the address.

import { useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { address, replaceSearch } from "../navigation";
import { GapList } from "./gap-list";
import { useTraceKeys } from "./keys";
import { Minimap } from "./minimap";
import type { TraceModel } from "./model";
import { SpanSearch } from "./span-search";
import { parseTraceState, toggled, toggleFolding, writeTraceState, type TraceState } from "./state";
import { TraceSummary } from "./summary";
import { findMatches, revealing, visibleNodes, type Node } from "./tree";
import { Waterfall } from "./waterfall";

/** What the parts of the page can do to its state. */
export interface TraceActions {
  change(part: Partial<TraceState>): void;
  /** Selects a span and opens everything above it. */
  select(node: Node): void;
  toggleFold(node: Node): void;
  toggleDetail(node: Node): void;
}

/** The page's parts from top to bottom. */
export function TraceView({ model, onReload }: { model: TraceModel; onReload: () => void }) {
  const state = useComputed(() => parseTraceState(address.value.search)).value;
  const { folding, query } = state;
  const foldingText = `${folding.base} ${[...folding.exceptions].join(" ")}`;
  const visible = useMemo(() => visibleNodes(model.nodes, folding), [model, foldingText]);
  const matches = useMemo(() => findMatches(model.nodes, query), [model, query]);
  const actions = useMemo(() => actionsOn(model), [model]);
  useTraceKeys({ model, state, visible, matches, actions });
  useEffect(() => {
    // A link to a span shows it, whatever is folded.
    const selected = model.byKey.get(state.span);
    if (selected) actions.select(selected);
  }, [model]);

  return (
    <main class="trace-page">
      <TraceSummary model={model} state={state} actions={actions} onReload={onReload} />
      {state.showsGaps && <GapList model={model} actions={actions} />}
      <SpanSearch model={model} state={state} matches={matches} actions={actions} />
      <Minimap model={model} zoom={state.zoom} onZoom={(zoom) => actions.change({ zoom })} />
      <Waterfall model={model} state={state} visible={visible} matches={matches} actions={actions} />
    </main>
  );
}

function actionsOn(model: TraceModel): TraceActions {
  const read = () => parseTraceState(address.peek().search);
  const change = (part: Partial<TraceState>) => replaceSearch(writeTraceState({ ...read(), ...part }));
  return {
    change,
    select: (node) => change({ span: node.key, folding: revealing(model.nodes, node.index, read().folding) }),
    toggleFold: (node) => change({ folding: toggleFolding(read().folding, node.key) }),
    toggleDetail: (node) => change({ span: node.key, opened: toggled(read().opened, node.key) }),
  };
}
