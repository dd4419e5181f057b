//! What is left of a request that is not exported, where the operator wants to know of every one: ids, times, kind and
//! route, without a look at its headers.

use throughline_model::otlp::Stub;
use throughline_model::span::SpanKind;

use super::{Begun, Role};
use crate::engine::Engine;
use crate::host::Host;
use crate::sampling::Stubs;
use crate::stats::Counter;

/// Longest name of a route; a longer one is left out.
const MAX_ROUTE_BYTES: usize = 64;
/// What routes are called that have no name.
const NO_NAME: &str = "default";

/// Writes the stubs of a request into the open batch, if they are wanted.
pub(super) fn write(engine: &mut Engine, host: &mut impl Host, begun: &Begun) {
    if engine.config.sampling.stubs == Stubs::Off {
        return;
    }
    let route = host.property("xds\0route_name").unwrap_or_default();
    let route = std::str::from_utf8(&route).unwrap_or_default();
    let is_named = route != NO_NAME && route.len() <= MAX_ROUTE_BYTES;
    let route = if is_named { route } else { "" };
    // What a gateway answered by itself was never sent on.
    let mut was_sent_on = || {
        let attempts = host.property("upstream\0request_attempt_count").unwrap_or_default();
        attempts.iter().any(|byte| *byte != 0)
    };
    let is_sent_on = begun.role != Role::Gateway || was_sent_on();
    let now_ns = host.monotonic_ns();
    let end_unix_ns = begun.start_unix_ns.saturating_add(now_ns.saturating_sub(begun.start_monotonic_ns));
    let server = begun.server.map(|span_id| (span_id, begun.parent, SpanKind::Server));
    let client = begun.client.filter(|_| is_sent_on);
    let client = client.map(|span_id| (span_id, begun.server.or(begun.parent), SpanKind::Client));
    for (span_id, parent, kind) in server.into_iter().chain(client) {
        let (trace_id, start_unix_ns) = (begun.context.trace_id, begun.start_unix_ns);
        let stub = Stub { trace_id, span_id, parent, route, kind, start_unix_ns, end_unix_ns };
        engine.collecting.push_stub(&stub, now_ns);
        engine.count(Counter::Stubs);
    }
    engine.spans_written(host, 0, now_ns);
}
