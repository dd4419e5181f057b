//! Traces and spans for tests.

import type { Span, Summary } from "./api";

/** A complete trace of two services, changed as given. */
export function summaryOf(part: Partial<Summary>): Summary {
  return {
    trace_id: "0af7651916cd43dd8448eb211c80319c",
    start_unix_ns: "1790000000000000000",
    duration_ns: 12_345_678,
    root: { service: "gateway", name: "GET" },
    services: ["gateway", "cart"],
    spans: 3,
    hops: 2,
    errors: 0,
    depth: 2,
    link: "propagated",
    complete: true,
    gaps: 0,
    ...part,
  };
}

/** A server span without attributes, changed as given. */
export function spanOf(part: Partial<Span>): Span {
  return {
    span_id: "b7ad6b7169203331",
    parent_span_id: null,
    service: "cart",
    name: "GET",
    kind: "server",
    start_unix_ns: "1790000000000000000",
    offset_ns: 0,
    duration_ns: 1000,
    self_ns: 1000,
    level: 0,
    status: "unset",
    status_message: "",
    link: null,
    trace_depth: null,
    path: null,
    missing_parent: false,
    attributes: {},
    events: [],
    resource: {},
    ...part,
  };
}
