//! The chart of duration over time; the table below it is its text alternative.

import { useComputed } from "@preact/signals";
import { useMemo, useRef, useState } from "preact/hooks";

import type { Summary } from "../api";
import { formatClock, formatCount, formatDuration, formatTick } from "../format";
import { navigate } from "../navigation";
import { useWidth } from "../width";
import { layOutChart, nearestPoint, type Chart, type Point } from "./chart";
import * as model from "./model";

const HEIGHT_PX = 132;
const LEFT_PX = 56;
const RIGHT_PX = 18;
const TOP_PX = 10;
const BOTTOM_PX = 24;
const REACH_PX = 18;

/** Errors are diamonds, incomplete traces hollow: shape tells what colour tells. */
export function Scatter(props: { traces: readonly Summary[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const widthPx = useWidth(frame);
  const chart = useMemo(
    () => layOutChart(props.traces, Math.max(1, widthPx - LEFT_PX - RIGHT_PX), HEIGHT_PX),
    [props.traces, widthPx],
  );
  const [pointed, setPointed] = useState<Point | null>(null);
  const failed = props.traces.filter((trace) => trace.errors > 0).length;

  const locate = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box) return null;
    return nearestPoint(chart.points, event.clientX - box.left - LEFT_PX, event.clientY - box.top - TOP_PX, REACH_PX);
  };
  const point = (found: Point | null) => {
    setPointed(found);
    model.highlighted.value = found?.trace.trace_id ?? "";
  };
  return (
    <figure class="scatter">
      <figcaption>
        <span>Duration over time</span>
        <ScatterLegend />
      </figcaption>
      <div
        ref={frame}
        class={pointed ? "scatter-frame is-pointing" : "scatter-frame"}
        onPointerMove={(event) => point(locate(event))}
        onPointerLeave={() => point(null)}
        onClick={(event) => {
          const found = locate(event as unknown as PointerEvent);
          if (found) navigate(`/trace/${found.trace.trace_id}`);
        }}
      >
        <svg
          role="img"
          aria-label={`Duration over time of ${formatCount(props.traces.length, "trace")}, ${failed} with errors. The table below holds the same data.`}
          width={widthPx}
          height={HEIGHT_PX + TOP_PX + BOTTOM_PX}
        >
          <Scales chart={chart} widthPx={widthPx} />
          <g transform={`translate(${LEFT_PX} ${TOP_PX})`}>
            {chart.points.map((place) => (
              <Mark key={place.trace.trace_id} point={place} />
            ))}
          </g>
        </svg>
        {pointed && <PointTip point={pointed} widthPx={widthPx} />}
      </div>
    </figure>
  );
}

function Mark({ point }: { point: Point }) {
  const { trace, x, y } = point;
  const isMarked = useComputed(() => model.highlighted.value === trace.trace_id).value;
  const state = `${trace.errors > 0 ? "is-error" : ""} ${trace.complete ? "" : "is-hollow"} ${isMarked ? "is-marked" : ""}`;
  if (trace.errors > 0) return <path class={`mark ${state}`} d={`M${x} ${y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z`} />;
  return <circle class={`mark ${state}`} cx={x} cy={y} r={3.5} />;
}

function Scales({ chart, widthPx }: { chart: Chart; widthPx: number }) {
  const nowMs = Date.now();
  const last = chart.timeTicks.length - 1;
  return (
    <g class="scales">
      {chart.durationTicks.map((tick) => (
        <g key={tick.value} transform={`translate(0 ${tick.position + TOP_PX})`}>
          <line x1={LEFT_PX} x2={widthPx - RIGHT_PX} y1={0} y2={0} />
          <text x={LEFT_PX - 8} y={4} text-anchor="end">
            {formatTick(tick.value)}
          </text>
        </g>
      ))}
      {chart.timeTicks.map((tick, index) => (
        <text
          key={tick.value}
          x={tick.position + LEFT_PX}
          y={HEIGHT_PX + TOP_PX + 18}
          text-anchor={index === 0 ? "start" : index === last ? "end" : "middle"}
        >
          {formatClock(tick.value, nowMs).replace(/\.\d+$/, "")}
        </text>
      ))}
    </g>
  );
}

function PointTip({ point, widthPx }: { point: Point; widthPx: number }) {
  const { trace } = point;
  const isRight = point.x + LEFT_PX > widthPx / 2;
  const left = point.x + LEFT_PX;
  return (
    <div
      class={`point-tip ${isRight ? "is-left" : ""}`}
      style={{ left: `${left}px`, top: `${point.y + TOP_PX}px` }}
      aria-hidden="true"
    >
      <strong>{trace.root ? `${trace.root.service} ${trace.root.name}` : "no root span yet"}</strong>
      <span>
        {formatDuration(trace.duration_ns)} · {formatCount(trace.hops, "hop")}
        {trace.errors > 0 && ` · ${formatCount(trace.errors, "error")}`}
        {!trace.complete && " · incomplete"}
      </span>
    </div>
  );
}

function ScatterLegend() {
  return (
    <ul class="scatter-legend">
      <li>
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <circle class="mark" cx="6" cy="6" r="3.5" />
        </svg>
        complete
      </li>
      <li>
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <circle class="mark is-hollow" cx="6" cy="6" r="3.5" />
        </svg>
        incomplete
      </li>
      <li>
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <path class="mark is-error" d="M6 .8 11.2 6 6 11.2 .8 6z" />
        </svg>
        with errors
      </li>
    </ul>
  );
}
