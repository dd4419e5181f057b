//! The table of traces.

import { useComputed } from "@preact/signals";

import type { Summary } from "../api";
import { formatClock, formatCount, formatDuration, formatInstant, formatNumber, unixMs } from "../format";
import { Icon } from "../icon";
import { LinkMark } from "../link-mark";
import * as model from "./model";
import type { ListState, SortKey } from "./state";

interface Props {
  traces: readonly Summary[];
  state: ListState;
  onChange: (part: Partial<ListState>) => void;
}

const COLUMNS: readonly [SortKey, string, "text" | "number"][] = [
  ["time", "Time", "text"],
  ["root", "Root", "text"],
  ["duration", "Duration", "number"],
  ["hops", "Hops", "number"],
  ["depth", "Depth", "number"],
  ["errors", "Errors", "number"],
  ["link", "Link", "text"],
  ["complete", "Complete", "text"],
];

/** Puts the focus on a trace's row and brings it into view. */
export function focusRow(traceId: string): void {
  const anchor = document.getElementById(rowId(traceId));
  anchor?.focus();
  anchor?.scrollIntoView({ block: "nearest" });
}

/** One row for each trace. Rows stay where they are while the pointer or the focus is on them. */
export function TraceTable(props: Props) {
  const longest = Math.max(1, ...props.traces.map((trace) => trace.duration_ns));
  const nowMs = Date.now();
  return (
    <div class="table-frame">
      <table
        class="trace-table"
        onPointerEnter={model.holdRows}
        onPointerLeave={() => {
          model.highlighted.value = "";
          if (!document.activeElement?.closest(".trace-table tbody")) model.releaseRows();
        }}
      >
        <caption class="visually-hidden">Traces that match the filter</caption>
        <thead>
          <tr>
            {COLUMNS.map(([key, title, kind]) => (
              <SortHeader key={key} column={key} title={title} kind={kind} {...props} />
            ))}
          </tr>
        </thead>
        <tbody
          onFocusIn={model.holdRows}
          onFocusOut={(event) => {
            const isOver = event.currentTarget.parentElement?.matches(":hover") ?? false;
            if (!isOver) model.releaseRows();
          }}
        >
          {props.traces.map((trace) => (
            <TraceRow key={trace.trace_id} trace={trace} longest={longest} nowMs={nowMs} {...props} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SortHeader(props: Props & { column: SortKey; title: string; kind: "text" | "number" }) {
  const { state, column } = props;
  const isSorted = state.sort === column;
  const order = isSorted && state.order === "desc" ? "asc" : "desc";
  return (
    <th
      scope="col"
      class={`column-${column} is-${props.kind}`}
      aria-sort={isSorted ? (state.order === "asc" ? "ascending" : "descending") : "none"}
    >
      <button type="button" class="sort-button" onClick={() => props.onChange({ sort: column, order })}>
        {props.title}
        {isSorted && <Icon name={state.order === "asc" ? "up" : "down"} />}
      </button>
    </th>
  );
}

function TraceRow(props: Props & { trace: Summary; longest: number; nowMs: number }) {
  const { trace, state } = props;
  const isPointed = useComputed(() => model.highlighted.value === trace.trace_id).value;
  const isMarked = isPointed || state.selected === trace.trace_id;
  return (
    <tr
      class={isMarked ? "is-marked" : ""}
      onPointerEnter={() => {
        model.highlighted.value = trace.trace_id;
      }}
    >
      <td class="column-time" title={formatInstant(trace.start_unix_ns)}>
        {formatClock(unixMs(trace.start_unix_ns), props.nowMs)}
      </td>
      <td class="column-root">
        <a
          id={rowId(trace.trace_id)}
          class="row-link"
          href={`/trace/${trace.trace_id}`}
          onFocus={() => props.onChange({ selected: trace.trace_id })}
        >
          {trace.root ? (
            <>
              <strong>{trace.root.service}</strong> {trace.root.name}
            </>
          ) : (
            <em>no root span yet</em>
          )}
        </a>
        <span class="muted services" title={trace.services.join(", ")}>
          {formatCount(trace.services.length, "service")}, {formatCount(trace.spans, "span")}
        </span>
      </td>
      <td class="column-duration is-number">
        {formatDuration(trace.duration_ns)}
        <span class="duration-bar" style={{ width: `${(trace.duration_ns / props.longest) * 100}%` }} />
      </td>
      <td class="column-hops is-number">{formatNumber(trace.hops)}</td>
      <td class="column-depth is-number">{formatNumber(trace.depth)}</td>
      <td class="column-errors is-number">
        {trace.errors > 0 ? (
          <span class="error-count">
            <Icon name="error" />
            {formatNumber(trace.errors)}
          </span>
        ) : (
          <span class="muted">0</span>
        )}
      </td>
      <td class="column-link">
        {trace.link === null ? <span class="muted">not stated</span> : <LinkMark kind={trace.link} />}
      </td>
      <td class="column-complete">
        <Completeness trace={trace} />
      </td>
    </tr>
  );
}

function Completeness({ trace }: { trace: Summary }) {
  if (trace.complete) {
    return (
      <span class="is-complete">
        <Icon name="check" />
        yes
      </span>
    );
  }
  return (
    <span class="is-incomplete">
      <Icon name="gap" />
      {trace.gaps > 0 ? formatCount(trace.gaps, "gap") : "no root"}
    </span>
  );
}

function rowId(traceId: string): string {
  return `trace-${traceId}`;
}
