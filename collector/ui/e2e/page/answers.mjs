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

/** A lifecycle that fails all the way down a chain of `depth` calls, as one does when the last service is away. */
export function failingLifecycle(traceId, depth) {
  const services = ["gateway", "frontend", "checkout", "recommendation", "payment"];
  const links = ["propagated", "request-id"];
  const spans = Array.from({ length: 2 * depth + 1 }, (_, level) => {
    const isCall = level % 2 === 1;
    const isLastHop = level >= 2 * depth - 1;
    return span(level, {
      kind: isCall ? "client" : "server",
      service: services[Math.floor(level / 2) % services.length],
      name: isLastHop ? "shop.Payment/Charge" : "POST",
      level,
      parent_span_id: level === 0 ? null : id(level - 1),
      offset_ns: level * 400_000,
      duration_ns: 22_300_000 - level * 800_000,
      link: isCall ? links[level % 4 === 1 ? 0 : 1] : null,
      status: "error",
      status_message: "no healthy upstream",
      attributes: isLastHop
        ? { "rpc.response.status_code": "UNAVAILABLE" }
        : { "http.response.status_code": 502, "url.path": "/checkout" },
    });
  });
  return lifecycle(traceId, spans, []);
}

/** One alert with evidence, of a service that somebody silenced. */
export function silencedAlert(alertId) {
  const since = Number(START_UNIX_NS / 1_000_000_000n);
  const chart = Array.from({ length: 60 }, (_, minute) => ({
    unix_s: since + 60 * (minute - 55),
    requests: 300,
    share: minute < 55 ? 0.01 : 0.4,
    expected: 0.01,
    high: 0.03,
  }));
  return {
    id: alertId,
    rule: "error-rate",
    service: "checkout",
    state: "firing",
    severity: "critical",
    summary: "checkout -> payment POST /charge: 41 % of requests fail, usually 0.73 %",
    suspect: "payment",
    since_unix_s: since,
    resolved_unix_s: null,
    is_silenced: true,
    evidence: {
      why: "289 errors among 700 requests in 2 min, where 5.1 were to be expected",
      baseline: "learned",
      chart,
      exemplars: [id(1) + id(2), id(3) + id(4)],
      first_bad_hop: "checkout -> payment POST /charge",
      entry_routes: ["frontend POST /checkout"],
      critical_path: Array.from({ length: 9 }, (_, depth) => ({
        service: "recommendation",
        operation: "POST /recommendations",
        kind: "server",
        depth,
        self_share: 0.11,
      })),
      suspects: [{ service: "payment", score: 0.9, reason: "errors began in 20.8 % of POST /charge, 0.0 % before" }],
    },
  };
}

/** Two silences that cover `silencedAlert`, and one that does not. */
export function silences(untilUnixS) {
  const of = (part) => ({ id: id(7), rule: null, service: null, suspect: null, until_unix_s: untilUnixS, ...part });
  return [
    of({ suspect: "payment", comment: "payment moves to the new cluster, ask the shop team" }),
    of({ id: id(8), service: "checkout", until_unix_s: untilUnixS - 600, comment: "" }),
    of({ id: id(9), service: "cart", until_unix_s: untilUnixS + 600, comment: "cart is something else" }),
  ];
}
