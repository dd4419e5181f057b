//! The line below the list: what the collector received and keeps.

import { useEffect, useState } from "preact/hooks";

import { fetchStatus, type Status } from "../api";
import { formatBytes, formatCount, formatNumber } from "../format";

/** The collector's numbers, asked for again whenever `trigger` changes; `null` until they are there. */
export function useStatus(trigger: unknown): Status | null {
  const [status, setStatus] = useState<Status | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    // The numbers are an addition; when they fail, the list itself says what is wrong.
    fetchStatus(controller.signal).then(setStatus, () => setStatus(null));
    return () => controller.abort();
  }, [trigger]);
  return status;
}

/** Spans received and refused, and what is kept of them. */
export function StatusLine(props: { trigger: unknown }) {
  const status = useStatus(props.trigger);
  if (!status) return null;
  return (
    <footer class="status-line">
      <span>Throughline {status.version}</span>
      <span>{formatCount(status.spans_received, "span")} received</span>
      {status.spans_rejected > 0 && <span class="is-warning">{formatNumber(status.spans_rejected)} refused</span>}
      <span>{formatNumber(status.spans_live)} in the live window</span>
      <span>
        {formatCount(status.blocks, "block")}, {formatBytes(status.bytes_on_disk)} on disk
      </span>
    </footer>
  );
}
