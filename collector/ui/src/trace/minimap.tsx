//! The whole trace at a glance; dragging over it zooms the waterfall.

import { useMemo, useRef, useState } from "preact/hooks";

import { formatDuration } from "../format";
import type { TraceModel } from "./model";
import { OVERVIEW, overviewPaths } from "./overview";
import type { TimeRange } from "./state";
import { clamped } from "./timescale";

interface Props {
  model: TraceModel;
  zoom: TimeRange | null;
  onZoom: (zoom: TimeRange | null) => void;
}

/** A drag in parts of the width. */
interface Drag {
  from: number;
  to: number;
}

// A shorter drag is a click with an unsteady hand.
const SMALLEST_DRAG = 0.005;

/** Keyboard: + and - zoom, a and d move, 0 resets; so the map itself takes no focus. */
export function Minimap({ model, zoom, onZoom }: Props) {
  const { whole, lifecycle, colours } = model;
  const frame = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const paths = useMemo(() => overviewPaths(lifecycle.spans, whole, colours), [model]);
  const lengthNs = whole.toNs - whole.fromNs;
  const placeOf = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || box.width === 0) return 0;
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const finish = () => {
    if (drag && Math.abs(drag.to - drag.from) >= SMALLEST_DRAG) {
      const fromNs = whole.fromNs + Math.min(drag.from, drag.to) * lengthNs;
      const toNs = whole.fromNs + Math.max(drag.from, drag.to) * lengthNs;
      onZoom(clamped({ fromNs, toNs }, whole));
    }
    setDrag(null);
  };
  const shown = zoom && { from: (zoom.fromNs - whole.fromNs) / lengthNs, to: (zoom.toNs - whole.fromNs) / lengthNs };
  return (
    <div class="minimap">
      <div
        ref={frame}
        class="minimap-frame"
        title="Drag to zoom, double-click for the whole time"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const place = placeOf(event);
          setDrag({ from: place, to: place });
        }}
        onPointerMove={(event) => drag && setDrag({ from: drag.from, to: placeOf(event) })}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
        onDblClick={() => onZoom(null)}
      >
        <svg
          viewBox={`0 0 ${OVERVIEW.width} ${OVERVIEW.height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Minimap of the whole trace, ${formatDuration(lengthNs)}`}
        >
          {[...paths].map(([colour, path]) => (
            <path key={colour} class={`overview-line ${colour}`} d={path} vector-effect="non-scaling-stroke" />
          ))}
        </svg>
        {!drag && shown && <Shade place={shown} />}
        {drag && <Shade place={{ from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) }} />}
      </div>
    </div>
  );
}

function Shade({ place }: { place: Drag }) {
  return (
    <>
      <span class="minimap-shade" style={{ left: "0", width: `${place.from * 100}%` }} />
      <span class="minimap-shade" style={{ left: `${place.to * 100}%`, right: "0" }} />
      <span
        class="minimap-window"
        style={{ left: `${place.from * 100}%`, width: `${(place.to - place.from) * 100}%` }}
      />
    </>
  );
}
