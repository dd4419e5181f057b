//! The address is the page's state: reads it, changes it, and follows links inside the page.

import { signal } from "@preact/signals";

import { routeOf } from "./route";

/** Where the reader is. The signal is ahead of the address bar by at most `WRITE_DELAY_MS`. */
export const address = signal({ path: location.pathname, search: location.search });

// Browsers refuse more than about 200 history writes in 30 s; a held arrow key would reach that.
const WRITE_DELAY_MS = 250;
let pendingWrite: number | undefined;
let listSearch = "";

/** Goes to another page; the way back stays open. */
export function navigate(href: string): void {
  flush();
  history.pushState(null, "", href);
  follow();
  window.scrollTo(0, 0);
}

/** Changes the state of this page without a step in the history. `search` has no leading question mark. */
export function replaceSearch(search: string): void {
  const next = search === "" ? "" : `?${search}`;
  if (next === address.peek().search) return;
  address.value = { path: address.peek().path, search: next };
  pendingWrite ??= window.setTimeout(flush, WRITE_DELAY_MS);
}

/** The list as the reader left it. */
export function listHref(): string {
  return `/${listSearch}`;
}

/** The full address of the present state, to share. */
export function currentLink(): string {
  flush();
  return location.href;
}

/** Makes links inside the page change the page instead of loading it anew. */
export function startNavigation(): void {
  window.addEventListener("popstate", () => {
    cancelWrite();
    follow();
  });
  window.addEventListener("pagehide", flush);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    if (!anchor || anchor.target !== "" || anchor.origin !== location.origin) return;
    if (routeOf(anchor.pathname).page === "unknown") return;
    event.preventDefault();
    navigate(anchor.pathname + anchor.search);
  });
}

function follow(): void {
  const left = address.peek();
  if (routeOf(left.path).page === "list") listSearch = left.search;
  address.value = { path: location.pathname, search: location.search };
}

function flush(): void {
  if (pendingWrite === undefined) return;
  cancelWrite();
  const { path, search } = address.peek();
  history.replaceState(history.state, "", path + search);
}

function cancelWrite(): void {
  window.clearTimeout(pendingWrite);
  pendingWrite = undefined;
}
