//! How wide an element is, as long as it is in the page.

import { useLayoutEffect, useState } from "preact/hooks";

// Nobody sees it: the width is read before the first paint.
const WIDTH_GUESS_PX = 800;

/** The inner width in pixels of an element that is there as long as its component. */
export function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [widthPx, setWidthPx] = useState(WIDTH_GUESS_PX);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    const read = () => setWidthPx(current.clientWidth);
    read();
    const observer = new ResizeObserver(read);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element]);
  return widthPx;
}
