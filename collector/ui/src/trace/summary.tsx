//! The head of a trace's page: what it is, how long it took, and whether all of it arrived.

import type { ComponentChildren } from "preact";

import { CopyButton } from "../copy-button";
import { formatClock, formatCount, formatDuration, formatInstant, formatNumber, unixMs } from "../format";
import { Icon } from "../icon";
import { LinkMark } from "../link-mark";
import { seamMeaning } from "../evidence";
import { listHref } from "../navigation";
import { operationOf, whyIncomplete } from "./describe";
import type { TraceModel } from "./model";
import type { TraceState } from "./state";
import type { TraceActions } from "./view";

interface Props {
  model: TraceModel;
  state: TraceState;
  actions: TraceActions;
  onReload: () => void;
}

/** Title, numbers, services. */
export function TraceSummary(props: Props) {
  const { summary, omitted_spans } = props.model.lifecycle;
  return (
    <section class="trace-summary" aria-label="Summary">
      <div class="trace-title">
        <a class="icon-button" href={listHref()} aria-label="Back to the list" title="Back to the list (u)">
          <Icon name="back" />
        </a>
        <h1>
          {summary.root ? (
            <>
              {summary.root.service} <span class="operation">{rootOperation(props.model)}</span>
            </>
          ) : (
            "No root span arrived"
          )}
        </h1>
        <span class="trace-id">
          <code>{summary.trace_id}</code>
          <CopyButton value={summary.trace_id} what="trace id" />
        </span>
      </div>
      <dl class="facts">
        <Fact name="Started">
          <time dateTime={formatInstant(summary.start_unix_ns)} title={formatInstant(summary.start_unix_ns)}>
            {formatClock(unixMs(summary.start_unix_ns), Date.now())}
          </time>
        </Fact>
        <Fact name="Duration">
          <strong>{formatDuration(summary.duration_ns)}</strong>
        </Fact>
        <Fact name="Spans">{formatNumber(summary.spans)}</Fact>
        <Fact name="Hops">{formatNumber(summary.hops)}</Fact>
        <Fact name="Depth">{formatNumber(summary.depth)}</Fact>
        <Fact name="Errors">
          <ErrorFact {...props} />
        </Fact>
        <Fact name="Weakest link">
          {summary.link === null ? <span class="muted">not stated</span> : <LinkMark kind={summary.link} />}
        </Fact>
        <Fact name="Completeness">
          <CompletenessFact {...props} />
        </Fact>
      </dl>
      <ServiceLegend {...props} />
      <Seams model={props.model} />
      {summary.truncated === true && (
        <p class="is-warning">
          This trace has more spans than are read: everything said here is of the first {formatNumber(summary.spans)}.
        </p>
      )}
      {omitted_spans > 0 && (
        <p class="is-warning">
          {formatCount(omitted_spans, "span")} more are kept, but too many for one page: the tree below is cut.
        </p>
      )}
    </section>
  );
}

// The root's own span says more than its name, which is often only a method.
function rootOperation({ nodes, lifecycle }: TraceModel): string {
  const { root } = lifecycle.summary;
  const first = nodes[0]?.span;
  if (!root || !first || first.service !== root.service || first.name !== root.name) return root?.name ?? "";
  return operationOf(first);
}

function Fact(props: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function ErrorFact({ model, actions }: Props) {
  const { errors } = model.lifecycle.summary;
  if (errors === 0) return <>0</>;
  return (
    <button
      type="button"
      class="link-button error-count"
      onClick={() => actions.change({ query: "is:error" })}
      title="Find the spans in error"
    >
      <Icon name="error" />
      {formatNumber(errors)}
    </button>
  );
}

function CompletenessFact({ model, state, actions, onReload }: Props) {
  const { summary, gaps } = model.lifecycle;
  if (summary.complete) {
    return (
      <span class="is-complete">
        <Icon name="check" />
        complete
      </span>
    );
  }
  return (
    <span class="completeness">
      {gaps.length === 0 ? (
        <span class="is-incomplete">
          <Icon name="gap" />
          incomplete: {whyIncomplete(summary)}
        </span>
      ) : (
        <button
          type="button"
          class="link-button is-incomplete"
          aria-expanded={state.showsGaps}
          onClick={() => actions.change({ showsGaps: !state.showsGaps })}
        >
          <Icon name="gap" />
          {formatCount(gaps.length, "gap")}
          <Icon name="chevron" class={state.showsGaps ? "is-turned" : ""} />
        </button>
      )}
      <button type="button" class="copy-button" onClick={onReload} aria-label="Ask again" title="Ask again">
        <Icon name="retry" />
      </button>
    </span>
  );
}

const MOST_SEAMS = 8;

function Seams({ model }: { model: TraceModel }) {
  const seams = model.lifecycle.seams ?? [];
  if (seams.length === 0) return null;
  return (
    <ul class="seams" aria-label="Seams">
      {seams.slice(0, MOST_SEAMS).map((seam) => (
        <li key={seam.trace_id + seam.span_id} class="muted">
          <a href={`/trace/${seam.trace_id}`}>{seam.joined ? "joined" : "open"}</a> {seamMeaning(seam)}
        </li>
      ))}
      {seams.length > MOST_SEAMS && <li class="muted">and {formatNumber(seams.length - MOST_SEAMS)} more</li>}
    </ul>
  );
}

const MOST_SERVICES = 18;

function ServiceLegend({ model, state, actions }: Props) {
  const services = [...model.services];
  const rest = services.slice(MOST_SERVICES);
  return (
    <ul class="service-legend" aria-label="Services">
      {services.slice(0, MOST_SERVICES).map(([service, spans]) => {
        const query = /\s/.test(service) ? `service="${service}"` : `service=${service}`;
        const isFound = state.query === query;
        return (
          <li key={service}>
            <button
              type="button"
              class="service-chip"
              aria-pressed={isFound}
              onClick={() => actions.change({ query: isFound ? "" : query })}
              title={`Find the spans of ${service}`}
            >
              <span class={`swatch ${model.colours.get(service)}`} />
              {service}
              <span class="muted">{formatNumber(spans)}</span>
            </button>
          </li>
        );
      })}
      {rest.length > 0 && (
        <li class="muted" title={rest.map(([service]) => service).join(", ")}>
          and {formatNumber(rest.length)} more
        </li>
      )}
    </ul>
  );
}
