//! The line above the waterfall: find spans, go from match to match, fold, zoom back.

import { formatDuration, formatNumber } from "../format";
import { Icon } from "../icon";
import { nextMatch } from "./keys";
import type { TraceModel } from "./model";
import type { TraceState } from "./state";
import type { TraceActions } from "./view";

interface Props {
  model: TraceModel;
  state: TraceState;
  matches: readonly number[];
  actions: TraceActions;
}

/** Search and view controls. */
export function SpanSearch(props: Props) {
  const { state, actions } = props;
  return (
    <div class="span-tools">
      <form
        role="search"
        aria-label="Find spans"
        onSubmit={(event) => {
          event.preventDefault();
          goToMatch(props, 1);
        }}
      >
        <input
          id="span-search"
          type="search"
          placeholder="Find spans: service, path, 503, is:error"
          aria-label="Find spans"
          autocomplete="off"
          spellcheck={false}
          value={state.query}
          onInput={(event) => actions.change({ query: event.currentTarget.value })}
        />
      </form>
      {state.query !== "" && <Matches {...props} />}
      <span class="spacer" />
      {state.zoom && (
        <>
          <span class="muted">
            {formatDuration(state.zoom.fromNs)} to {formatDuration(state.zoom.toNs)}
          </span>
          <button type="button" class="button" onClick={() => actions.change({ zoom: null })} title="Whole time (0)">
            <Icon name="close" />
            Whole time
          </button>
        </>
      )}
      <button
        type="button"
        class="button"
        onClick={() => actions.change({ folding: { base: "open", exceptions: new Set() } })}
        title="Expand all ([)"
      >
        Expand all
      </button>
      <button
        type="button"
        class="button"
        onClick={() => actions.change({ folding: { base: "folded", exceptions: new Set() } })}
        title="Collapse all (])"
      >
        Collapse all
      </button>
    </div>
  );
}

function Matches(props: Props) {
  const { matches, model, state } = props;
  const selected = model.byKey.get(state.span)?.index;
  const place = selected === undefined ? -1 : matches.indexOf(selected);
  return (
    <span class="matches">
      <span role="status">
        {place >= 0
          ? `${formatNumber(place + 1)} of ${formatNumber(matches.length)}`
          : `${formatNumber(matches.length)} found`}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label="Previous match"
        title="Previous match (p)"
        onClick={() => goToMatch(props, -1)}
      >
        <Icon name="up" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Next match"
        title="Next match (n)"
        onClick={() => goToMatch(props, 1)}
      >
        <Icon name="down" />
      </button>
    </span>
  );
}

function goToMatch(props: Props, step: 1 | -1): void {
  const node = nextMatch(props, step);
  if (node) props.actions.select(node);
}
