//! The line between tree and time, movable by pointer and by keys.

import { useRef } from "preact/hooks";

const STORAGE_KEY = "throughline.tree-percent";
const DEFAULT_PERCENT = window.innerWidth < 1000 ? 50 : 42;
const LEAST_PERCENT = 20;
const MOST_PERCENT = 75;

/** The width of the tree that the reader chose, or the usual one. */
export function readTreePercent(): number {
  try {
    const stored = Number(localStorage.getItem(STORAGE_KEY) ?? DEFAULT_PERCENT);
    return Number.isFinite(stored) ? limited(stored) : DEFAULT_PERCENT;
  } catch {
    return DEFAULT_PERCENT;
  }
}

/** A separator that assistive technology can move too. */
export function Divider(props: { percent: number; onPercent: (percent: number) => void }) {
  const element = useRef<HTMLDivElement>(null);
  const move = (percent: number) => {
    const next = limited(percent);
    props.onPercent(next);
    try {
      localStorage.setItem(STORAGE_KEY, String(next));
    } catch {
      // Without storage the width lasts as long as the page.
    }
  };
  const follow = (event: PointerEvent) => {
    const current = element.current;
    const box = current?.parentElement?.getBoundingClientRect();
    if (!current?.hasPointerCapture(event.pointerId) || !box) return;
    move(((event.clientX - box.left) / box.width) * 100);
  };
  return (
    <div
      ref={element}
      class="divider"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label="Width of the tree"
      aria-valuenow={Math.round(props.percent)}
      aria-valuemin={LEAST_PERCENT}
      aria-valuemax={MOST_PERCENT}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={follow}
      onDblClick={() => move(DEFAULT_PERCENT)}
      onKeyDown={(event) => {
        const step = event.key === "ArrowLeft" ? -2 : event.key === "ArrowRight" ? 2 : 0;
        if (step === 0) return;
        event.preventDefault();
        move(props.percent + step);
      }}
    />
  );
}

function limited(percent: number): number {
  return Math.min(MOST_PERCENT, Math.max(LEAST_PERCENT, percent));
}
