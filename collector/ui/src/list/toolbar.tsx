//! The line above the table: how many traces, what is new, live and pause.

import type { Summary } from "../api";
import { formatCount, formatNumber } from "../format";
import { Icon } from "../icon";
import * as model from "./model";

/** Everything keeps its place while numbers change, so that nothing moves under the pointer. */
export function Toolbar(props: { traces: readonly Summary[]; isLive: boolean; limit: number; onLive: () => void }) {
  const failed = props.traces.filter((trace) => trace.errors > 0).length;
  const incomplete = props.traces.filter((trace) => !trace.complete).length;
  const waiting = model.newCount.value;
  return (
    <div class="toolbar">
      <p class="counts">
        <strong>{formatCount(props.traces.length, "trace")}</strong>
        {props.traces.length >= props.limit && <span class="muted"> (the newest)</span>}
        <span class="muted">
          {" "}
          · {formatNumber(failed)} with errors · {formatNumber(incomplete)} incomplete
        </span>
      </p>
      <span class="new-place" role="status">
        {waiting > 0 && (
          <button type="button" class="new-badge" onClick={model.letIn}>
            <Icon name="up" />
            {formatNumber(waiting)} new
          </button>
        )}
      </span>
      {props.isLive && <LiveState />}
      {props.isLive && (
        <button type="button" class="button" aria-pressed={model.isPaused.value} onClick={model.togglePause}>
          <Icon name={model.isPaused.value ? "play" : "pause"} />
          {model.isPaused.value ? "Resume" : "Pause"}
        </button>
      )}
      <button
        type="button"
        class="button live-toggle"
        aria-pressed={props.isLive}
        onClick={props.onLive}
        title="Live (l)"
      >
        <Icon name="live" />
        Live
      </button>
    </div>
  );
}

function LiveState() {
  const words = { connecting: "connecting", open: "following", lost: "connection lost, trying again" };
  const state = model.connection.value ?? "connecting";
  return (
    <span class={`live-state is-${state}`} role="status">
      {model.isPaused.value && state === "open" ? "paused" : words[state]}
    </span>
  );
}
