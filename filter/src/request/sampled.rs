//! Whether a request is exported: decided where its trace begins, followed by everybody, and mended at the response when
//! the request turns out to matter.
//!
//! What is kept at one hop has to be kept at all that led there. So a kept request marks its response; the proxy that
//! had sent it takes the mark off, keeps the request too, and tells the inbound side of its own pod, which marks its
//! response in turn, up to where the mesh ends.

use throughline_model::context::Decision;
use throughline_model::mesh::ProxyKind;

use super::{Begun, Outcome, Role, outcome};
use crate::attributes::Convention;
use crate::engine::Engine;
use crate::headers::Headers;
use crate::host::{HeaderMap, Host};
use crate::kept;
use crate::sampling::{KeepReason, Observed};
use crate::stats::Counter;

/// The response header, or trailer, that asks the caller's proxy to keep the request.
pub(super) const KEEP: &str = "x-throughline-keep";
/// Its only value.
const MARKED: &str = "1";

/// What is known of a request that is not recorded, and could be kept all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Why it is kept.
    pub reason: Option<KeepReason>,
    /// Its caller is a proxy of ours and understands a mark.
    pub is_awaited: bool,
    /// It is gRPC, whose failures are in a header of their own.
    pub is_grpc: bool,
    /// A response has come.
    pub is_answered: bool,
}

/// Decides whether the trace of a request is recorded: as the caller did, or anew where a trace begins and where the
/// caller left it to us.
pub(super) fn decide(engine: &mut Engine, host: &mut impl Host, headers: &Headers, begun: &mut Begun) {
    if begun.received.decision != Decision::Deferred {
        begun.context.inherit_sampling();
        if begun.context.flags.is_sampled() {
            engine.count(Counter::SampledParent);
        }
        return;
    }
    let route = if engine.sampler.asks_for_route() { host.property("xds\0route_name") } else { None };
    let threshold = engine.sampler.threshold(headers, &route.unwrap_or_default(), begun.start_monotonic_ns);
    begun.context.decide_sampling(threshold);
    if begun.context.flags.is_sampled() {
        engine.count(Counter::SampledProbability);
    }
}

/// Notes what the response will be read by. The headers are held until then whatever was decided: should the request be
/// kept, the proxy has only those that it sent on, with path and host as its routes rewrite them.
pub(super) fn hold(begun: &mut Begun) {
    begun.held.is_grpc = Convention::of(&begun.headers) != Convention::Http;
}

/// The headers or trailers of the response have come.
pub(super) fn on_response(engine: &mut Engine, host: &mut impl Host, begun: &mut Begun, map: HeaderMap) {
    // Past a gateway nobody knows the mark. A waypoint is called by proxies of ours.
    let leaves_mesh = begun.role == Role::Gateway && engine.kind != ProxyKind::Waypoint;
    if begun.context.flags.is_sampled() {
        if leaves_mesh {
            host.remove_header(map, KEEP);
        }
        return;
    }
    let mark = host.header(map, KEEP);
    if mark.is_some() {
        host.remove_header(map, KEEP);
    }
    begun.held.is_answered = true;
    if begun.held.reason.is_some() {
        return;
    }
    let is_marked = match begun.role {
        // An application answers here: its word is no mark, and what its calls came to is known already.
        Role::Inbound => kept::take(host, begun.context.span_id),
        Role::Outbound | Role::Gateway => mark.as_deref() == Some(MARKED.as_bytes()),
    };
    let observed = Observed {
        is_failure: engine.config.sampling.keeps_errors && has_failed(host, map, begun),
        is_marked,
        elapsed_ns: elapsed_ns(host, begun, map),
    };
    let Some(reason) = engine.config.sampling.reason_to_keep(&observed) else {
        // Only trailers can change that, and only gRPC has any that are looked at: of a long answer nothing is held but
        // ids and times.
        if !begun.held.is_grpc {
            begun.headers = Headers::default();
        }
        return;
    };
    keep(engine, host, begun, reason);
    match begun.role {
        Role::Gateway if leaves_mesh => {}
        Role::Inbound | Role::Gateway if begun.held.is_awaited => host.set_header(map, KEEP, MARKED),
        Role::Inbound | Role::Gateway | Role::Outbound => {}
    }
}

/// The end of a request that is not recorded: whether it is exported all the same.
pub(super) fn is_kept_at_end(engine: &mut Engine, host: &mut impl Host, begun: &mut Begun) -> bool {
    engine.count(Counter::RequestsUnsampled);
    if !begun.held.is_answered
        && engine.config.sampling.keeps_errors
        && Outcome::read(host, begun).is_failure()
    {
        // Nobody is left to be told by the response, but the inbound side of this pod.
        keep(engine, host, begun, KeepReason::Error);
    }
    begun.held.reason.is_some()
}

fn keep(engine: &mut Engine, host: &mut impl Host, begun: &mut Begun, reason: KeepReason) {
    begun.held.reason = Some(reason);
    engine.count(Counter::for_kept(reason));
    if begun.role == Role::Outbound
        && let Some(parent) = begun.parent
        && kept::mark(host, parent).is_err()
    {
        engine.count(Counter::KeepMarksLost);
    }
}

/// How long the response headers took; what comes behind them may take as long as it likes, as streams do.
fn elapsed_ns(host: &mut impl Host, begun: &Begun, map: HeaderMap) -> u64 {
    if map == HeaderMap::Response { host.monotonic_ns().saturating_sub(begun.start_monotonic_ns) } else { 0 }
}

fn has_failed(host: &mut impl Host, map: HeaderMap, begun: &Begun) -> bool {
    let is_headers = map == HeaderMap::Response;
    let http_status = if is_headers { outcome::number_header(host, map, ":status") } else { Some(200) };
    let grpc_status = match (is_headers, begun.held.is_grpc) {
        (true, true) => outcome::number_header(host, map, outcome::GRPC_STATUS),
        (false, _) => begun.grpc_status,
        (true, false) => None,
    };
    Outcome { http_status, grpc_status, ..Outcome::default() }.is_failure()
}

#[cfg(test)]
mod tests;
