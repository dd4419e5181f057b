//! Everything about one span, below its row.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import type { Span, SpanEvent } from "../api";
import { CopyButton } from "../copy-button";
import { GAP_MEANING, GAP_TITLE, LINK_MEANING } from "../evidence";
import { formatDuration, formatInstant } from "../format";
import { Icon } from "../icon";
import { LinkMark } from "../link-mark";
import type { TraceModel } from "./model";

interface Props {
  span: Span;
  model: TraceModel;
  onHeight: (heightPx: number) => void;
}

/** Timing, ids, evidence, attributes, resource and the raw JSON. */
export function SpanDetail({ span, model, onHeight }: Props) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    const observer = new ResizeObserver(() => onHeight(current.offsetHeight));
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  const gap = model.gaps.get(span.span_id);
  const json = JSON.stringify(span, null, 2);
  return (
    <div class="span-detail" ref={element}>
      {gap && (
        <p class="detail-note is-warning">
          <Icon name="gap" />
          <span>
            <strong>{GAP_TITLE[gap.reason]}.</strong> {gap.detail === "" ? GAP_MEANING[gap.reason] : gap.detail}
          </span>
        </p>
      )}
      {span.status === "error" && span.status_message !== "" && (
        <p class="detail-note is-error">
          <Icon name="error" />
          <span>{span.status_message}</span>
        </p>
      )}
      <div class="detail-columns">
        <TimingFacts span={span} model={model} />
        <ValueTable title="Attributes" values={span.attributes} />
        <ValueTable title="Resource" values={span.resource} />
      </div>
      {span.events.length > 0 && <Events span={span} />}
      <details class="raw-json">
        <summary>Raw JSON</summary>
        <CopyButton value={json} what="the JSON" />
        <pre tabIndex={0} role="region" aria-label="Raw JSON">
          {json}
        </pre>
      </details>
    </div>
  );
}

function TimingFacts({ span, model }: { span: Span; model: TraceModel }) {
  const total = model.lifecycle.summary.duration_ns;
  return (
    <section>
      <h2>Span</h2>
      <dl class="values">
        <Value name="span id">
          <code>{span.span_id}</code>
          <CopyButton value={span.span_id} what="span id" />
        </Value>
        <Value name="parent id">
          {span.parent_span_id === null ? <span class="muted">none, a root</span> : <code>{span.parent_span_id}</code>}
          {span.parent_span_id !== null && <CopyButton value={span.parent_span_id} what="parent id" />}
        </Value>
        <Value name="kind">{span.kind}</Value>
        <Value name="status">{span.status}</Value>
        <Value name="started">{formatInstant(span.start_unix_ns)}</Value>
        <Value name="offset">{formatDuration(span.offset_ns)} after the trace's start</Value>
        <Value name="duration">
          {formatDuration(span.duration_ns)}
          {total > 0 && ` · ${percent(span.duration_ns, total)} of the trace`}
        </Value>
        <Value name="self time">
          {formatDuration(span.self_ns)}
          {span.duration_ns > 0 && ` · ${percent(span.self_ns, span.duration_ns)} of the span`}
        </Value>
        {span.link !== null && (
          <Value name="link">
            <LinkMark kind={span.link} />
            <span class="muted block">{LINK_MEANING[span.link]}</span>
          </Value>
        )}
        {span.trace_depth !== null && <Value name="depth">{span.trace_depth}</Value>}
        {span.path !== null && <Value name="path">{span.path.replaceAll(">", " › ")}</Value>}
      </dl>
    </section>
  );
}

function ValueTable(props: { title: string; values: Record<string, unknown> }) {
  const pairs = Object.entries(props.values).sort(([left], [right]) => (left < right ? -1 : 1));
  return (
    <section>
      <h2>{props.title}</h2>
      {pairs.length === 0 ? (
        <p class="muted">none</p>
      ) : (
        <dl class="values">
          {pairs.map(([key, value]) => (
            <Value key={key} name={key}>
              {typeof value === "string" ? value : JSON.stringify(value)}
            </Value>
          ))}
        </dl>
      )}
    </section>
  );
}

function Events({ span }: { span: Span }) {
  return (
    <section class="events">
      <h2>Events</h2>
      <ol>
        {span.events.map((event, index) => (
          <li key={index}>
            <strong>{event.name}</strong>
            <span class="muted">{formatDuration(sinceStart(span, event))} after the span's start</span>
            <span>
              {Object.entries(event.attributes)
                .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
                .join("  ")}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function sinceStart(span: Span, event: SpanEvent): number {
  return Math.max(0, Number(BigInt(event.time_unix_ns) - BigInt(span.start_unix_ns)));
}

function Value(props: { name: string; children: ComponentChildren }) {
  return (
    <div class="value">
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function percent(part: number, whole: number): string {
  const value = (part / whole) * 100;
  return value < 10 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}
