//! The last hour of a series: the share that failed or was slow, over the band that the baseline allows.

import { useRef } from "preact/hooks";

import type { ChartPoint } from "../api";
import { formatClock } from "../format";
import { useWidth } from "../width";

const HEIGHT = 180;
const LEFT = 52;
const BOTTOM = 22;
const TOP = 8;

/** Draws nothing where there are no points. */
export function EvidenceChart(props: { points: readonly ChartPoint[]; sinceUnixS: number }) {
  const points = props.points.filter((point) => point.requests > 0 || point.high > 0);
  const first = points[0];
  const last = points[points.length - 1];
  if (first === undefined || last === undefined || points.length < 2) return null;
  return <Chart points={points} first={first} last={last} sinceUnixS={props.sinceUnixS} />;
}

interface ChartProps {
  points: readonly ChartPoint[];
  first: ChartPoint;
  last: ChartPoint;
  sinceUnixS: number;
}

function Chart({ points, first, last, sinceUnixS }: ChartProps) {
  const figure = useRef<HTMLElement>(null);
  const width = useWidth(figure);
  const most = Math.min(1, 1.15 * Math.max(0.01, ...points.map((point) => Math.max(point.share, point.high))));
  const x = (unixS: number) =>
    LEFT + ((width - LEFT) * (unixS - first.unix_s)) / Math.max(60, last.unix_s - first.unix_s);
  const y = (share: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(share, most) / most);
  const line = (of: (point: ChartPoint) => number) =>
    points.map((point) => `${x(point.unix_s).toFixed(1)},${y(of(point)).toFixed(1)}`).join(" ");
  const floor = `${x(last.unix_s).toFixed(1)},${y(0)} ${x(first.unix_s).toFixed(1)},${y(0)}`;
  const begin = Math.max(first.unix_s, Math.min(sinceUnixS, last.unix_s));
  return (
    <figure class="evidence-chart" ref={figure}>
      <svg width={width} height={HEIGHT} role="img" aria-label="Share by minute, with the band of the baseline">
        <rect class="chart-episode" x={x(begin)} y={TOP} width={width - x(begin)} height={y(0) - TOP} />
        <polygon class="chart-band" points={`${line((point) => point.high)} ${floor}`} />
        <polyline class="chart-expected" points={line((point) => point.expected)} />
        <polyline class="chart-share" points={line((point) => point.share)} />
        {[0, most / 2, most].map((share) => (
          <text key={share} x={LEFT - 6} y={y(share) + 4} text-anchor="end">
            {percent(share)}
          </text>
        ))}
        <text x={LEFT} y={HEIGHT - 4}>
          {clock(first.unix_s)}
        </text>
        <text x={width} y={HEIGHT - 4} text-anchor="end">
          {clock(last.unix_s)}
        </text>
      </svg>
      <figcaption class="muted">
        Share of requests by minute (line), what the baseline expects (dashes) and allows (band), since it began (shade)
      </figcaption>
    </figure>
  );
}

/** `40 %`, `0.3 %`. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

function clock(unixS: number): string {
  return formatClock(1000 * unixS, 1000 * unixS).slice(0, 5);
}
