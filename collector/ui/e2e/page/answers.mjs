//! Answers of the API that a healthy collector with a small mesh does not give.

const START_UNIX_NS = 1_790_000_000_000_000_000n;

/** A lifecycle in which one parent and one answer never arrived. */
export function incompleteLifecycle(traceId) {
  const spans = [
    span(0, {
      kind: "server",
      service: "frontend",
      missing_parent: true,
      parent_span_id: id(99),
      duration_ns: 5_000_000,
    }),
    span(1, {
      kind: "client",
      service: "frontend",
      level: 1,
      parent_span_id: id(0),
      offset_ns: 1_000_000,
      link: "sole",
    }),
  ];
  const gaps = [
    { span_id: id(0), service: "frontend", reason: "missing-parent", detail: `its parent ${id(99)} never arrived` },
    { span_id: id(1), service: "frontend", reason: "no-server-span", detail: "the called side sent no span" },
  ];
  return lifecycle(traceId, spans, gaps);
}

/** A complete lifecycle of many spans: chains of client and server spans below one root. */
export function largeLifecycle(traceId, count) {
  const spans = Array.from({ length: count }, (_, index) => {
    const level = index === 0 ? 0 : 1 + ((index - 1) % 6);
    return span(index, {
      kind: index % 2 === 0 ? "server" : "client",
      service: `service-${Math.floor(index / 2) % 15}`,
      level,
      parent_span_id: index === 0 ? null : level === 1 ? id(0) : id(index - 1),
      offset_ns: index * 1000,
      duration_ns: index === 0 ? count * 2000 : 500_000,
      link: index % 2 === 0 ? null : "propagated",
      status: index % 977 === 976 ? "error" : "unset",
    });
  });
  return lifecycle(traceId, spans, []);
}

function lifecycle(traceId, spans, gaps) {
  const root = spans.find((candidate) => candidate.parent_span_id === null);
  const summary = {
    trace_id: traceId,
    start_unix_ns: String(START_UNIX_NS),
    duration_ns: Math.max(...spans.map((one) => one.offset_ns + one.duration_ns)),
    root: root ? { service: root.service, name: root.name } : null,
    services: [...new Set(spans.map((one) => one.service))],
    spans: spans.length,
    hops: spans.filter((one) => one.kind === "client").length,
    errors: spans.filter((one) => one.status === "error").length,
    depth: 3,
    link: "propagated",
    complete: gaps.length === 0,
    gaps: gaps.length,
  };
  return { summary, spans, omitted_spans: 0, gaps };
}

function span(index, part) {
  const offsetNs = part.offset_ns ?? 0;
  return {
    span_id: id(index),
    parent_span_id: null,
    service: "frontend",
    name: "GET",
    kind: "server",
    start_unix_ns: String(START_UNIX_NS + BigInt(offsetNs)),
    offset_ns: 0,
    duration_ns: 2_000_000,
    self_ns: 500,
    level: 0,
    status: "unset",
    status_message: "",
    link: null,
    trace_depth: null,
    path: null,
    missing_parent: false,
    attributes: { "http.request.method": "GET", "url.path": "/orders" },
    events: [],
    resource: { "service.name": part.service ?? "frontend" },
    ...part,
  };
}

function id(index) {
  return (index + 1).toString(16).padStart(16, "0");
}
