//! The waterfall's scale of time: labels in its head, lines behind its bars.

import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

import { formatNumber, formatTick } from "../format";
import type { TimeRange } from "./state";
import { barPlace, readableTicks, type AxisRoom } from "./timescale";

interface HeadProps {
  axis: RefObject<HTMLDivElement | null>;
  room: AxisRoom;
  range: TimeRange;
  shown: number;
  total: number;
}

/** How many spans are shown, and the labels of the axis. */
export function Head({ axis, room, range, shown, total }: HeadProps) {
  return (
    <div class="waterfall-head">
      <div class="tree-head">
        Spans
        <span class="muted">
          {shown === total ? formatNumber(total) : `${formatNumber(shown)} of ${formatNumber(total)} shown`}
        </span>
      </div>
      <div class="axis" aria-hidden="true" ref={axis}>
        {readableTicks(range, room).map((tick) => (
          <span key={tick} class="axis-tick" style={{ left: percentAt(range, tick) }}>
            {formatTick(tick)}
          </span>
        ))}
      </div>
    </div>
  );
}

/** A line for each label but that of the range's start, which is the edge of the column. */
export function GridLines({ range, room }: { range: TimeRange; room: AxisRoom }) {
  const ticks = readableTicks(range, room).filter((tick) => tick > range.fromNs);
  return (
    <div class="grid-lines" aria-hidden="true">
      <div class="grid-track">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: percentAt(range, tick) }} />
        ))}
      </div>
    </div>
  );
}

/** The room that the style sheet and the divider leave to the axis. */
export function useAxisRoom(axis: { readonly current: HTMLElement | null }): AxisRoom {
  const [room, setRoom] = useState<AxisRoom>({ axisPx: 600, labelsPx: 700 });
  useLayoutEffect(() => {
    const { current } = axis;
    const head = current?.parentElement;
    if (!current || !head) return undefined;
    const read = () => setRoom({ axisPx: current.clientWidth, labelsPx: head.clientWidth - current.offsetLeft });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(current);
    return () => observer.disconnect();
  }, [axis]);
  return room;
}

function percentAt(range: TimeRange, tickNs: number): string {
  return `${(barPlace(range, tickNs, 0)?.left ?? 0) * 100}%`;
}
