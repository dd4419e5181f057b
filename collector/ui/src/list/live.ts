//! Follows the collector's announcements of new traces, and comes back after the collector went away.

import { TAIL_PATH, type Summary } from "../api";
import { parseClean } from "../clean";

/** Whether announcements arrive. */
export type Connection = "connecting" | "open" | "lost";

const RETRY_DELAY_MS = 2000;

/** Follows until the returned function is called. */
export function followTail(onTrace: (trace: Summary) => void, onConnection: (state: Connection) => void): () => void {
  let source: EventSource | undefined;
  let retry: number | undefined;

  const connect = () => {
    source = new EventSource(TAIL_PATH);
    source.addEventListener("open", () => onConnection("open"));
    source.addEventListener("trace", (event) => onTrace(parseClean(event.data as string) as Summary));
    source.addEventListener("error", () => {
      onConnection("lost");
      // The browser tries again by itself unless the answer was an HTTP error.
      if (source?.readyState === EventSource.CLOSED) retry = window.setTimeout(connect, RETRY_DELAY_MS);
    });
  };

  onConnection("connecting");
  connect();
  return () => {
    window.clearTimeout(retry);
    source?.close();
  };
}
