//! What was measured of a request, written as spans: a SERVER span where it was served, a CLIENT span where it was
//! sent on, both at a gateway.

use throughline_model::attribute;
use throughline_model::id::SpanId;
use throughline_model::otlp::SpanWriter;
use throughline_model::span::{Attribute, SpanKind, StatusCode, Value};

use super::details::Details;
use super::{Begun, Outcome, received};
use crate::attributes::{AttributesConfig, cut, write_request};
use crate::engine::Engine;
use crate::headers::Known;
use crate::host::Host;

/// OTLP flags: whether the parent is remote is known.
const HAS_IS_REMOTE: u32 = 0x100;
/// OTLP flags: the parent is remote.
const IS_REMOTE: u32 = 0x200;

/// Writes the spans of a finished request into the open batch.
pub(super) fn write(engine: &mut Engine, host: &mut impl Host, begun: &Begun, outcome: &Outcome) {
    let now_ns = host.monotonic_ns();
    // The duration is taken from the clock that never jumps, and added to the start on the other.
    let end_unix_ns = begun.start_unix_ns.saturating_add(now_ns.saturating_sub(begun.start_monotonic_ns));
    let config = &engine.config.attributes;
    let details = Details::read(host, begun, outcome, config.envoy_details);
    let facts = Facts { begun, outcome, details: &details, end_unix_ns, config };
    let mut written = 0;
    if let Some(server) = begun.server {
        let mut span = engine.collecting.begin_span(begun.context.trace_id, server, now_ns);
        facts.write_server(&mut span);
        received::write_linked(&mut span, begun);
        written += 1;
    }
    // What a gateway answered by itself was never sent on.
    let is_sent_on = begun.server.is_none() || details.was_sent_on(outcome);
    if let Some(client) = begun.client.filter(|_| is_sent_on) {
        let mut span = engine.collecting.begin_span(begun.context.trace_id, client, now_ns);
        facts.write_client(&mut span);
        if begun.server.is_none() {
            received::write_linked(&mut span, begun);
        }
        written += 1;
    }
    engine.spans_written(host, written, now_ns);
}

struct Facts<'a> {
    begun: &'a Begun,
    outcome: &'a Outcome,
    details: &'a Details,
    end_unix_ns: u64,
    config: &'a AttributesConfig,
}

impl Facts<'_> {
    fn write_server(&self, span: &mut SpanWriter<'_>) {
        self.write_common(span, SpanKind::Server, self.begun.parent, IS_REMOTE);
        self.details.write_downstream(span);
        if self.begun.client.is_none() {
            self.details.write_upstream(span);
        }
    }

    fn write_client(&self, span: &mut SpanWriter<'_>) {
        // At a gateway the SERVER span of the same request is the cause; behind a workload the cause came from it.
        let parent = self.begun.server.or(self.begun.parent);
        let remote = if self.begun.server.is_some() { 0 } else { IS_REMOTE };
        self.write_common(span, SpanKind::Client, parent, remote);
        self.write_link(span);
        self.details.write_peer_upstream(span, self.outcome.convention);
        self.details.write_upstream(span);
        if !self.outcome.upstream_cluster.is_empty() {
            span.text(attribute::ENVOY_UPSTREAM_CLUSTER, cut(&self.outcome.upstream_cluster));
        }
    }

    fn write_link(&self, span: &mut SpanWriter<'_>) {
        let link = &self.begun.link;
        span.text(attribute::LINK_KIND, link.kind.as_str());
        if link.candidates > 0 {
            span.int(attribute::LINK_CANDIDATES, to_int(link.candidates));
        }
        if !link.named.is_empty() {
            let ids = link.named.iter().map(|(trace, span)| Value::Text(format!("{trace}-{span}")));
            let key = attribute::LINK_CANDIDATE_IDS.to_owned();
            span.attribute(&Attribute { key, value: Value::List(ids.collect()) });
        }
    }

    fn write_common(&self, span: &mut SpanWriter<'_>, kind: SpanKind, parent: Option<SpanId>, remote: u32) {
        let Begun { context, state_line, headers, role, start_unix_ns, .. } = self.begun;
        if let Some(parent) = parent {
            span.parent(parent);
        }
        if !state_line.is_empty() {
            span.trace_state(state_line);
        }
        let flags =
            u32::from(context.flags.bits()) | if parent.is_some() { HAS_IS_REMOTE | remote } else { 0 };
        span.flags(flags).kind(kind).times(*start_unix_ns, self.end_unix_ns);
        write_request(span, kind, headers, self.outcome.convention, self.config);
        span.text(attribute::ROLE, role.as_str());
        span.int(attribute::DEPTH, i64::from(self.begun.depth()));
        span.text(attribute::PATH, self.begun.path_names());
        if let Some(id) = headers.get_text(Known::RequestId) {
            span.text(attribute::ENVOY_REQUEST_ID, cut(id));
        }
        if let Some(reason) = self.begun.held.reason {
            span.text(attribute::SAMPLED_REASON, reason.as_str());
        }
        if let Some(time_ns) = self.begun.first_byte_ns {
            span.int(attribute::FIRST_BYTE_NS, i64::try_from(time_ns).unwrap_or(i64::MAX));
        }
        self.write_outcome(span, kind);
    }

    fn write_outcome(&self, span: &mut SpanWriter<'_>, kind: SpanKind) {
        if let Some(status) = self.outcome.http_status {
            span.int(attribute::HTTP_RESPONSE_STATUS_CODE, status);
        }
        if let Some(status) = self.outcome.grpc_name() {
            span.text(attribute::RPC_RESPONSE_STATUS_CODE, status);
        }
        let flags = self.outcome.flag_names();
        if !flags.is_empty() {
            span.text(attribute::ENVOY_RESPONSE_FLAGS, &flags);
        }
        if !self.outcome.details.is_empty() {
            span.text(attribute::ENVOY_RESPONSE_CODE_DETAILS, cut(&self.outcome.details));
        }
        let status = self.outcome.status_of(kind);
        if status == StatusCode::Error {
            span.text(attribute::ERROR_TYPE, &self.outcome.error_type()).status(status, "");
        }
    }
}

fn to_int(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
