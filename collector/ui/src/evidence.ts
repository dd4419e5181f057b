//! Says in words what the collector knows: link evidence, and gaps.

import type { Gap, LinkKind } from "./api";

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
