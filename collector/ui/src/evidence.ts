//! Says in words what the collector knows: link evidence, and gaps.

import type { Gap, LinkKind, Seam } from "./api";

/** One sentence for each grade of evidence. */
export const LINK_MEANING: Record<LinkKind, string> = {
  propagated: "The application forwarded the trace context: this link is certain.",
  "request-id": "The application forwarded the x-request-id of exactly one known request.",
  token: "The application echoed a value that only one request in flight carried.",
  sole: "It was the only request in flight in this sidecar.",
  none: "No certain cause was found, so this call began a trace of its own.",
};

/** A gap in a few words. */
export const GAP_TITLE: Record<Gap["reason"], string> = {
  "missing-parent": "Parent span never arrived",
  "no-server-span": "No answer span from the called service",
};

/** What a gap means and what to do about it. */
export const GAP_MEANING: Record<Gap["reason"], string> = {
  "missing-parent":
    "This span names a parent that the collector has not seen. The parent's proxy may not export, its batch may be late, or the caller is outside the mesh.",
  "no-server-span":
    "The call left its sidecar, but no server span of the other side arrived. The called workload may have no sidecar, its batch may be late, or the request was lost on the way.",
};

/** What a seam says, in a sentence. */
export function seamMeaning(seam: Seam): string {
  const percent = `${(100 * seam.confidence).toFixed(1)} %`;
  if (seam.joined) return `${seam.service}: a trace of its own, joined here by ${seam.kind}, ${percent} certain.`;
  if (seam.cause_trace_id !== null) return `${seam.service}: its cause in trace ${seam.cause_trace_id} is not here.`;
  if (seam.candidates === 0) return `${seam.service}: no request that is known can have caused it.`;
  return `${seam.service}: ${seam.candidates} requests could have caused it, each ${percent} likely; it is not joined.`;
}
