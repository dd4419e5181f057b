//! The filter's own counters among the proxy's statistics: nothing is dropped, cut or refused uncounted.

use std::cell::Cell;

use throughline_model::link::LinkKind;

use crate::host::{CounterId, Host};
use crate::sampling::KeepReason;

/// What is counted. The names in the proxy's statistics are those of [`Counter::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Spans written into a batch.
    Spans,
    /// Spans dropped because the buffer was full and its oldest batch had to go.
    DroppedBufferFull,
    /// Spans dropped because the collector refused them for good.
    DroppedRefused,
    /// Spans that could not be delivered before the configuration or the process ended.
    DroppedShutdown,
    /// Spans the collector had no use for, by its own count.
    DroppedByCollector,
    /// Batches the collector took.
    ExportsOk,
    /// Batches that did not arrive; they are sent again while the buffer has room.
    ExportsFailed,
    /// Outbound calls whose application forwarded the context.
    LinksPropagated,
    /// Outbound calls linked by `x-request-id`.
    LinksRequestId,
    /// Outbound calls linked by a value that only one request in flight carried.
    LinksToken,
    /// Outbound calls linked to the only request in flight.
    LinksSole,
    /// Outbound calls without certain cause.
    LinksNone,
    /// Requests whose trace headers broke the specification.
    ContextsMalformed,
    /// Requests with so many headers that the context was not added to them.
    ContextsNotPassedOn,
    /// Requests whose trace began here and is recorded.
    SampledProbability,
    /// Requests whose caller had decided to record them.
    SampledParent,
    /// Requests that are not recorded, those that were kept all the same included.
    RequestsUnsampled,
    /// Requests not recorded and kept because they failed.
    KeptError,
    /// Requests not recorded and kept because they were slow.
    KeptSlow,
    /// Requests not recorded and kept because something that they caused is.
    KeptDescendant,
    /// Marks of requests to be kept that got lost between the workers of a proxy.
    KeepMarksLost,
    /// Stubs written for requests that are not exported.
    Stubs,
    /// Inbound requests that could not be entered into the table of requests in flight.
    InflightRefused,
    /// Requests that carried spans to a collector and were therefore left alone.
    RequestsOfTelemetry,
    /// Faults in the configuration.
    ConfigErrors,
}

/// Every counter with its name; the position is the enumeration's.
const ALL: [(Counter, &str); 25] = [
    (Counter::Spans, "throughline_spans"),
    (Counter::DroppedBufferFull, "throughline_spans_dropped_buffer_full"),
    (Counter::DroppedRefused, "throughline_spans_dropped_refused"),
    (Counter::DroppedShutdown, "throughline_spans_dropped_shutdown"),
    (Counter::DroppedByCollector, "throughline_spans_dropped_by_collector"),
    (Counter::ExportsOk, "throughline_exports_ok"),
    (Counter::ExportsFailed, "throughline_exports_failed"),
    (Counter::LinksPropagated, "throughline_links_propagated"),
    (Counter::LinksRequestId, "throughline_links_request_id"),
    (Counter::LinksToken, "throughline_links_token"),
    (Counter::LinksSole, "throughline_links_sole"),
    (Counter::LinksNone, "throughline_links_none"),
    (Counter::ContextsMalformed, "throughline_contexts_malformed"),
    (Counter::ContextsNotPassedOn, "throughline_contexts_not_passed_on"),
    (Counter::SampledProbability, "throughline_requests_sampled_probability"),
    (Counter::SampledParent, "throughline_requests_sampled_parent"),
    (Counter::RequestsUnsampled, "throughline_requests_unsampled"),
    (Counter::KeptError, "throughline_requests_kept_error"),
    (Counter::KeptSlow, "throughline_requests_kept_slow"),
    (Counter::KeptDescendant, "throughline_requests_kept_descendant"),
    (Counter::KeepMarksLost, "throughline_keep_marks_lost"),
    (Counter::Stubs, "throughline_stubs"),
    (Counter::InflightRefused, "throughline_inflight_refused"),
    (Counter::RequestsOfTelemetry, "throughline_requests_of_telemetry"),
    (Counter::ConfigErrors, "throughline_config_errors"),
];

impl Counter {
    /// The name in the proxy's statistics, after Envoy's prefix `wasmcustom.`.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(counter, _)| *counter == self).map_or("", |(_, name)| name)
    }

    /// The counter for requests that are kept for this reason.
    pub fn for_kept(reason: KeepReason) -> Self {
        match reason {
            KeepReason::Error => Self::KeptError,
            KeepReason::Slow => Self::KeptSlow,
            KeepReason::Descendant => Self::KeptDescendant,
        }
    }

    /// The counter for links of this kind.
    pub fn for_link(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Propagated => Self::LinksPropagated,
            LinkKind::RequestId => Self::LinksRequestId,
            LinkKind::Token => Self::LinksToken,
            LinkKind::Sole => Self::LinksSole,
            LinkKind::None => Self::LinksNone,
        }
    }
}

/// The counters as registered with the host.
#[derive(Clone, Debug)]
pub struct Stats {
    ids: [Option<CounterId>; ALL.len()],
    /// What was noted and the host has not been told yet.
    noted: [Cell<usize>; ALL.len()],
    buffer_bytes: Option<CounterId>,
    /// What this worker has put into the gauge.
    told_buffer_bytes: usize,
}

/// The gauge of bytes that wait for the collector, over all workers.
const BUFFER_BYTES: &str = "throughline_buffer_bytes";

impl Stats {
    /// Registers all of them, so that they show as zero before anything happens.
    pub fn register(host: &mut impl Host) -> Self {
        Self {
            ids: ALL.map(|(_, name)| host.define_counter(name)),
            noted: ALL.map(|_| Cell::new(0)),
            buffer_bytes: host.define_gauge(BUFFER_BYTES),
            told_buffer_bytes: 0,
        }
    }

    /// Corrects the gauge by what has changed: all workers share it, so none may set it.
    pub fn tell_buffer_bytes(&mut self, host: &mut impl Host, buffer_bytes: usize) {
        let told = std::mem::replace(&mut self.told_buffer_bytes, buffer_bytes);
        if let Some(gauge) = self.buffer_bytes
            && told != buffer_bytes
        {
            host.add_to_counter(gauge, signed(buffer_bytes).saturating_sub(signed(told)));
        }
    }

    /// Adds to one of them at the next turn of the timer: what every request counts costs no call to the host.
    pub fn note(&self, counter: Counter, amount: usize) {
        if let Some(noted) = self.noted.get(counter as usize) {
            noted.set(noted.get().saturating_add(amount));
        }
    }

    /// Tells the host what was noted since the last time.
    pub fn tell(&self, host: &mut impl Host) {
        for (id, noted) in self.ids.iter().zip(&self.noted) {
            let amount = noted.take();
            if let Some(id) = id.filter(|_| amount > 0) {
                host.add_to_counter(id, signed(amount));
            }
        }
    }

    /// Adds to one of them at once.
    pub fn add(&self, host: &mut impl Host, counter: Counter, amount: usize) {
        if let Some(id) = self.ids.get(counter as usize).copied().flatten() {
            host.add_to_counter(id, signed(amount));
        }
    }
}

fn signed(amount: usize) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
