//! The list of traces: filter, chart, table, live mode.

import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";

import { bindKeys } from "../keyboard";
import { FailureMessage } from "../message";
import { address, replaceSearch } from "../navigation";
import { EmptyStore, NothingMatches } from "./empty";
import { FilterForm } from "./filter-form";
import * as model from "./model";
import { sortTraces } from "./order";
import { Scatter } from "./scatter";
import { isFiltered, parseListState, writeListState, type ListState } from "./state";
import { StatusLine } from "./status-line";
import { focusRow, TraceTable } from "./table";
import { Toolbar } from "./toolbar";

/** The page at `/`. */
export function ListPage() {
  const state = useComputed(() => parseListState(address.value.search)).value;
  const change = (part: Partial<ListState>) =>
    replaceSearch(writeListState({ ...parseListState(address.peek().search), ...part }));
  const reload = () => void model.loadTraces(parseListState(address.peek().search));

  const { service, operation, minDurationMs, maxDurationMs, errorsOnly, since, until, limit } = state;
  useEffect(reload, [service, operation, minDurationMs, maxDurationMs, errorsOnly, since, until, limit]);

  const sorted = useMemo(() => sortTraces(model.traces.value, state), [model.traces.value, state.sort, state.order]);
  const isEmpty = model.isLoaded.value && sorted.length === 0;
  // An empty store is waiting for its first trace, so the page listens without being asked to.
  const listens = state.isLive || (isEmpty && !isFiltered(state));
  useEffect(() => (listens ? model.followTraces() : undefined), [listens]);
  useEffect(() => {
    document.title = "Traces · Throughline";
  }, []);
  const hasRows = sorted.length > 0;
  useEffect(() => {
    if (hasRows && state.selected !== "") focusRow(state.selected);
    // Only when the rows first appear: later the focus is the reader's.
  }, [hasRows]);
  useListKeys(
    sorted.map((trace) => trace.trace_id),
    state,
    change,
    reload,
  );

  return (
    <main class="page list-page">
      <h1 class="visually-hidden">Recent traces</h1>
      <FilterForm state={state} onChange={change} onSubmit={reload} />
      {model.failure.value && <FailureMessage error={model.failure.value} onRetry={reload} />}
      {!model.failure.value && isEmpty && (isFiltered(state) ? <NothingMatches /> : <EmptyStore />)}
      {sorted.length > 0 && (
        <div class={model.isLoading.value ? "results is-loading" : "results"}>
          <Scatter traces={sorted} />
          <Toolbar
            traces={sorted}
            isLive={state.isLive}
            limit={limit}
            onLive={() => change({ isLive: !state.isLive })}
          />
          <TraceTable traces={sorted} state={state} onChange={change} />
        </div>
      )}
      {sorted.length > 0 && <StatusLine trigger={model.traces.value} />}
      {!model.isLoaded.value && !model.failure.value && <p class="muted loading-line">Asking for traces…</p>}
    </main>
  );
}

function useListKeys(
  traceIds: readonly string[],
  state: ListState,
  change: (part: Partial<ListState>) => void,
  reload: () => void,
): void {
  // Before the next key can arrive: an effect after painting would act on the state before the last key.
  useLayoutEffect(() => {
    const move = (step: number) => () => {
      const present = traceIds.indexOf(state.selected);
      const next = present < 0 ? 0 : Math.min(traceIds.length - 1, Math.max(0, present + step));
      const traceId = traceIds[next];
      if (traceId !== undefined) focusRow(traceId);
    };
    return bindKeys({
      j: move(1),
      ArrowDown: move(1),
      k: move(-1),
      ArrowUp: move(-1),
      r: reload,
      l: () => change({ isLive: !state.isLive }),
      "/": () => document.getElementById("filter-operation")?.focus(),
      Escape: () => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        change({ selected: "" });
      },
    });
  });
}
