//! The waterfall: the tree on the left, time on the right, and only the rows near the visible part.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { GridLines, Head, useAxisRoom } from "./axis";
import { Divider, readTreePercent } from "./divider";
import type { TraceModel } from "./model";
import { rowId, SpanRow } from "./row";
import type { TraceState } from "./state";
import type { Node } from "./tree";
import type { TraceActions } from "./view";
import { scrollToRow, windowOf, type ListShape, type TallRow } from "./window";

interface Props {
  model: TraceModel;
  state: TraceState;
  visible: readonly Node[];
  matches: readonly number[];
  actions: TraceActions;
}

const HEAD_PX = 30;
const SPARE_ROWS = 12;
// The height of details until they have been measured.
const DETAIL_GUESS_PX = 320;
// Until the style sheet has told.
const ROW_GUESS_PX = 28;

/** Rows of visible spans, as a tree for assistive technology. */
export function Waterfall(props: Props) {
  const { model, state, visible, actions } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const tree = useRef<HTMLDivElement>(null);
  const axis = useRef<HTMLDivElement>(null);
  const room = useAxisRoom(axis);
  const [treePercent, setTreePercent] = useState(readTreePercent);
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(new Map());
  const { scrollTop, viewportPx, rowPx } = useScroll(scroller);
  const shape = useMemo(() => shapeOf(visible, rowPx, state.opened, heights), [visible, rowPx, state.opened, heights]);
  const window = windowOf(shape, scrollTop, viewportPx - HEAD_PX, SPARE_ROWS);
  const matches = useMemo(() => new Set(props.matches), [props.matches]);
  const drawn = visible.slice(window.first, window.last);
  const range = state.zoom ?? model.whole;
  useSelectedInView(scroller, shape, visible, state.span, heights.has(state.span));

  const measure = (key: string, heightPx: number) => {
    if (heights.get(key) !== heightPx) setHeights((known) => new Map(known).set(key, heightPx));
  };
  return (
    <section
      class="waterfall"
      aria-label="Waterfall"
      style={{ "--tree-percent": `${treePercent}%`, "--levels": Math.max(1, model.deepestLevel) }}
    >
      <div class="waterfall-scroll" ref={scroller}>
        <Head axis={axis} room={room} range={range} shown={visible.length} total={model.nodes.length} />
        <div class="rows" style={{ height: `${window.totalPx}px` }}>
          <TreeFocus element={tree} drawn={drawn} selected={state.span} />
          <GridLines range={range} room={room} />
          <div
            class="row-window"
            style={{ top: `${window.topPx}px` }}
            onClick={(event) => {
              const isRow = event.target instanceof Element && event.target.closest("[role=treeitem]");
              if (isRow) tree.current?.focus({ preventScroll: true });
            }}
          >
            {drawn.map((node) => (
              <SpanRow
                key={node.key}
                node={node}
                model={model}
                state={state}
                range={range}
                isMatch={matches.has(node.index)}
                actions={actions}
                onDetailHeight={measure}
              />
            ))}
          </div>
        </div>
      </div>
      <Divider percent={treePercent} onPercent={setTreePercent} />
    </section>
  );
}

// A tree may hold nothing but its items, and open details are no items: so the tree owns the rows from beside them.
function TreeFocus(props: { element: RefObject<HTMLDivElement | null>; drawn: readonly Node[]; selected: string }) {
  const isSelectedDrawn = props.drawn.some((node) => node.key === props.selected);
  return (
    <div
      ref={props.element}
      role="tree"
      class="tree-focus"
      tabIndex={0}
      aria-label="Spans"
      aria-owns={props.drawn.map((node) => rowId(node.key)).join(" ")}
      aria-activedescendant={isSelectedDrawn ? rowId(props.selected) : undefined}
    />
  );
}

function shapeOf(
  visible: readonly Node[],
  rowPx: number,
  opened: ReadonlySet<string>,
  heights: ReadonlyMap<string, number>,
): ListShape {
  const tall: TallRow[] = [];
  if (opened.size > 0) {
    for (const [index, node] of visible.entries()) {
      if (opened.has(node.key)) tall.push({ index, extraPx: heights.get(node.key) ?? DETAIL_GUESS_PX });
    }
  }
  return { count: visible.length, rowPx, tall };
}

interface Place {
  scrollTop: number;
  viewportPx: number;
  rowPx: number;
}

// The style sheet decides how tall a row is: on a narrow screen its parts lie one below the other.
function useScroll(scroller: { readonly current: HTMLElement | null }): Place {
  const [place, setPlace] = useState<Place>({ scrollTop: 0, viewportPx: 800, rowPx: ROW_GUESS_PX });
  useLayoutEffect(() => {
    const { current } = scroller;
    if (!current) return undefined;
    const read = () => {
      const rowPx = Number.parseFloat(getComputedStyle(current).getPropertyValue("--row-height"));
      setPlace({ scrollTop: current.scrollTop, viewportPx: current.clientHeight, rowPx: rowPx || ROW_GUESS_PX });
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(current);
    current.addEventListener("scroll", read, { passive: true });
    return () => {
      observer.disconnect();
      current.removeEventListener("scroll", read);
    };
  }, [scroller]);
  return place;
}

// Follows the selection when it moves, not when rows above it change their height.
function useSelectedInView(
  scroller: { readonly current: HTMLElement | null },
  shape: ListShape,
  visible: readonly Node[],
  selected: string,
  isMeasured: boolean,
): void {
  const index = visible.findIndex((node) => node.key === selected);
  const isOpen = shape.tall.some((row) => row.index === index);
  useEffect(() => {
    const { current } = scroller;
    if (!current || index < 0) return;
    current.scrollTop = scrollToRow(shape, index, current.scrollTop, current.clientHeight - HEAD_PX);
  }, [index, isOpen, isMeasured, selected, shape.rowPx]);
}
