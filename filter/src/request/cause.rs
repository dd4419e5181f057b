//! What ties an outbound call to the request that caused it: the evidence from the strongest down, and the books that
//! are kept for it while requests are in flight.

use std::borrow::Cow;

use throughline_model::context::TraceContext;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;

use super::{Begun, Moment, Outcome, Start};
use crate::engine::Engine;
use crate::headers::{Headers, Known};
use crate::host::{Host, Refused};
use crate::inflight::{self, Cause, RequestId, Table};
use crate::stats::Counter;
use crate::worker::{Ending, Found, Ticket};

/// Longest `tracestate` that is kept whole with a request in flight.
const MAX_STATE_BYTES: usize = 512;

/// What is known of the cause of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// By which evidence it was found.
    pub kind: LinkKind,
    /// With kind `none`: how many requests could have been the cause, where that is known.
    pub candidates: usize,
    /// Which ones, where they are known and few.
    pub named: Vec<(TraceId, SpanId)>,
}

impl Link {
    /// The evidence is certain, or there was no choice.
    pub(super) fn certain(kind: LinkKind) -> Self {
        Self { kind, candidates: 0, named: Vec::new() }
    }
}

/// An inbound request's places in the books.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    request_id: Option<RequestId>,
    ticket: Option<Ticket>,
}

/// The cause of an outbound call by the strongest evidence there is.
pub(super) fn find(
    engine: &mut Engine,
    host: &mut impl Host,
    received: Option<TraceContext>,
    headers: &Headers,
    start: Start,
) -> (Option<TraceContext>, Link) {
    let now_unix_ns = start.unix_ns;
    let (cause, link) = match received {
        Some(context) => (Some(context), Link::certain(LinkKind::Propagated)),
        None => find_by_request_id(engine, host, headers, start),
    };
    engine.count(Counter::for_link(link.kind));
    match link.kind {
        LinkKind::Propagated => {
            engine.with_worker(|worker, _| worker.saw_forwarding(now_unix_ns));
        }
        LinkKind::RequestId => {
            engine.with_worker(|worker, _| worker.saw_request_id(host, now_unix_ns));
        }
        LinkKind::Token | LinkKind::Sole | LinkKind::None => {}
    }
    (cause, link)
}

fn find_by_request_id(
    engine: &Engine,
    host: &mut impl Host,
    headers: &Headers,
    Start { moment, unix_ns: now_unix_ns, .. }: Start,
) -> (Option<TraceContext>, Link) {
    let request_id = headers.get(Known::RequestId).and_then(RequestId::from_header);
    let by_id = request_id.filter(|_| engine.config.links.uses_request_id).and_then(|id| {
        let find = |table: &mut dyn Table| inflight::find_cause(table, &id, now_unix_ns);
        engine.with_worker(|worker, _| worker.has_all_ids().then(|| worker.with_table(host, find)))?
    });
    let others = match by_id {
        Some(Cause::Certain(context)) => return (Some(context), Link::certain(LinkKind::RequestId)),
        // Requests with one id are of one client, and none of them is the only one in flight; an echoed value of
        // theirs may still tell them apart.
        Some(Cause::Ambiguous(candidates)) => candidates,
        Some(Cause::Unknown) | None => 0,
    };
    if moment == Moment::Past {
        // Who is in flight now says nothing of who was when it was made.
        return (None, Link { kind: LinkKind::None, candidates: others, named: Vec::new() });
    }
    let found =
        engine.with_worker(|worker, config| worker.find_cause(host, headers, &config.links, now_unix_ns));
    let Some(Found { kind, cause, candidates, named }) = found else {
        return (None, Link { kind: LinkKind::None, candidates: others, named: Vec::new() });
    };
    let candidates = if kind == LinkKind::None { candidates.max(others) } else { 0 };
    (cause, Link { kind, candidates, named })
}

/// Enters an inbound request into the books, before the workload sees it.
pub(super) fn enter(engine: &Engine, host: &mut impl Host, begun: &Begun, headers: &Headers) -> Entered {
    let Begun { context, start_unix_ns: now_unix_ns, .. } = begun;
    let state = kept_state(begun);
    let request_id = headers
        .get(Known::RequestId)
        .filter(|_| engine.config.links.uses_request_id)
        .filter(|_| engine.with_worker(|worker, _| worker.keeps_id_of(headers)).unwrap_or(false))
        .and_then(RequestId::from_header)
        .filter(|id| {
            change_table(engine, host, |table| inflight::enter(table, id, context, &state, *now_unix_ns))
                .is_ok()
        });
    let ticket = engine.with_worker(|worker, config| {
        worker.enter(host, context, &state, headers, &config.links, *now_unix_ns)
    });
    Entered { request_id, ticket }
}

/// The part of a request's `tracestate` that its calls are to have: of a long one our own member alone.
fn kept_state(begun: &Begun) -> Cow<'_, str> {
    if begun.state_line.len() <= MAX_STATE_BYTES {
        return Cow::Borrowed(&begun.state_line);
    }
    Cow::Owned(begun.context.state.own_member().unwrap_or_default())
}

/// The request is over; how, is known where it is exported.
pub(super) fn leave(engine: &Engine, host: &mut impl Host, begun: &Begun, outcome: Option<&Outcome>) {
    let Some(entered) = &begun.entered else { return };
    if let Some(id) = &entered.request_id {
        let _ = change_table(engine, host, |table| inflight::leave(table, id, &begun.context));
    }
    let Some(ticket) = entered.ticket else { return };
    let is_answered = match outcome {
        Some(outcome) => outcome.http_status.is_some() && !outcome.has_given_up(),
        None => begun.held.is_answered,
    };
    let ending = if is_answered { Ending::Answered } else { Ending::Abandoned };
    let now_unix_ns = if ending == Ending::Abandoned { host.wall_clock_ns() } else { 0 };
    engine.with_worker(|worker, _| worker.leave(host, ticket, ending, now_unix_ns));
}

/// Changes the table of request ids; counts what was refused.
fn change_table(
    engine: &Engine,
    host: &mut impl Host,
    change: impl FnOnce(&mut dyn Table) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let outcome = engine.with_worker(|worker, _| worker.with_table(host, change)).unwrap_or(Err(Refused));
    if outcome.is_err() {
        engine.count(Counter::InflightRefused);
    }
    outcome
}

#[cfg(test)]
mod tests;
