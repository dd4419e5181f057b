//! One span of the waterfall.

import type { Span } from "../api";
import { GAP_TITLE } from "../evidence";
import { formatDuration, formatNumber } from "../format";
import { Icon, type IconName } from "../icon";
import { LinkMark } from "../link-mark";
import { failureCode, operationOf } from "./describe";
import { SpanDetail } from "./detail";
import type { TraceModel } from "./model";
import { isFolded, type TimeRange, type TraceState } from "./state";
import { barPlace } from "./timescale";
import type { Node } from "./tree";
import type { TraceActions } from "./view";

interface Props {
  node: Node;
  model: TraceModel;
  state: TraceState;
  range: TimeRange;
  isMatch: boolean;
  actions: TraceActions;
  onDetailHeight: (key: string, heightPx: number) => void;
}

/** The id of a span's row in the document. */
export function rowId(key: string): string {
  return `span-${key}`;
}

/** A tree item: name and signs on the left, the bar on the right. Open details lie below it, outside the tree. */
export function SpanRow(props: Props) {
  const { node, state, actions } = props;
  const isSelected = state.span === node.key;
  const isOpen = state.opened.has(node.key);
  const marks = `${isSelected ? "is-selected" : ""} ${props.isMatch ? "is-match" : ""} ${isOpen ? "is-open" : ""}`;
  return (
    <div class={`span-item ${marks}`}>
      <div
        id={rowId(node.key)}
        class="span-row"
        role="treeitem"
        aria-level={node.level + 1}
        aria-posinset={node.position}
        aria-setsize={node.siblings}
        aria-selected={isSelected}
        aria-expanded={node.descendants > 0 ? !isFolded(state.folding, node.key) : undefined}
        onClick={() => actions.toggleDetail(node)}
      >
        <TreeCell {...props} />
        <BarCell {...props} />
      </div>
      {isOpen && (
        <SpanDetail
          span={node.span}
          model={props.model}
          onHeight={(heightPx) => props.onDetailHeight(node.key, heightPx)}
        />
      )}
    </div>
  );
}

function TreeCell(props: Props) {
  const { node, model, state } = props;
  const { span } = node;
  const gap = model.gaps.get(span.span_id);
  const code = failureCode(span);
  return (
    <div class="tree-cell">
      <span class="guides" style={{ width: `calc(${node.level} * var(--indent))` }} />
      <FoldButton {...props} isClosed={isFolded(state.folding, node.key)} />
      <span class={`swatch ${model.colours.get(span.service)}`} />
      <KindSign kind={span.kind} />
      <span class="span-name">
        <strong>{span.service}</strong> <span class="operation">{operationOf(span)}</span>
      </span>
      <span class="span-signs">
        {span.status === "error" && (
          <span class="error-count" title={span.status_message || "error"}>
            <Icon name="error" label="error" />
            {code !== null && <span class="failure-code">{code}</span>}
          </span>
        )}
        {gap && (
          <span class="gap-sign" title={`${GAP_TITLE[gap.reason]}: ${gap.detail}`}>
            <Icon name="gap" label={GAP_TITLE[gap.reason]} />
          </span>
        )}
        {span.link !== null && <LinkMark kind={span.link} />}
      </span>
    </div>
  );
}

// For the pointer only: keys fold with the arrows, and assistive technology by the tree item itself.
function FoldButton({ node, actions, isClosed }: Props & { isClosed: boolean }) {
  if (node.descendants === 0) return <span class="fold-button is-leaf" />;
  return (
    <span
      class={`fold-button ${isClosed ? "" : "is-turned"}`}
      title={isClosed ? `Expand ${formatNumber(node.descendants)} below` : "Collapse"}
      onClick={(event) => {
        event.stopPropagation();
        actions.toggleFold(node);
      }}
    >
      <Icon name="chevron" />
      {isClosed && <span class="fold-count">{formatNumber(node.descendants)}</span>}
    </span>
  );
}

const KIND_ICONS: Record<Span["kind"], IconName> = {
  client: "outgoing",
  producer: "outgoing",
  server: "incoming",
  consumer: "incoming",
  internal: "inside",
  unspecified: "inside",
};

function KindSign({ kind }: { kind: Span["kind"] }) {
  return (
    <span class="kind-sign" title={kind}>
      <Icon name={KIND_ICONS[kind]} label={kind} />
    </span>
  );
}

function BarCell({ node, model, range }: Props) {
  const { span } = node;
  const place = barPlace(range, span.offset_ns, span.duration_ns);
  if (!place) {
    const side = span.offset_ns < range.fromNs ? "is-before" : "is-after";
    return (
      <div class="bar-cell">
        <div class={`bar-track outside ${side}`}>
          <Icon name={side === "is-before" ? "back" : "outgoing"} label={side === "is-before" ? "earlier" : "later"} />
        </div>
      </div>
    );
  }
  const isCall = span.kind === "client" || span.kind === "producer";
  const evidence = isCall ? `is-call link-${span.link ?? "propagated"}` : "";
  const hasOwnTime = span.self_ns > 0 && span.self_ns < span.duration_ns;
  return (
    <div class="bar-cell">
      <div class="bar-track">
        <span
          class={`bar ${model.colours.get(span.service)} ${evidence} ${span.status === "error" ? "is-error" : ""}`}
          style={{ left: `${place.left * 100}%`, width: `${place.width * 100}%` }}
        />
        <span class="bar-label" style={{ "--bar-end": `${(place.left + place.width) * 100}%` }}>
          {formatDuration(span.duration_ns)}
          {hasOwnTime && <span class="self-time"> self {formatDuration(span.self_ns)}</span>}
        </span>
      </div>
    </div>
  );
}
