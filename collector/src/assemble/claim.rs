//! What the root of a trace says of its cause in another trace, and what that is worth.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, SpanLink, Value, find};

use super::SeamKind;
use super::clock::clock_of;
use super::tree::SpanKey;

/// Most candidates of one call that are looked at; a proxy names no more.
const MAX_CANDIDATES: usize = 16;
/// Calls without context that a workload made while no request was in flight, after which it counts as one that calls in the
/// background. A proxy that has just started does not know of every request, so one such call proves nothing.
pub const CALLS_OF_A_HABIT: usize = 3;
/// The value of [`attribute::LINKED_REASON`] at a gateway that begins traces of its own.
const RESTART: &str = "restart";

/// What a root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// One span caused it.
    Named(SeamKind, SpanKey),
    /// One of these did, of so many in all.
    OneOf(Vec<SpanKey>, usize),
}

impl Claim {
    /// What a span says; `None` for one that is no root, or says nothing of other traces.
    pub fn of(span: &Span) -> Option<Self> {
        if span.parent_span_id.is_some() {
            return None;
        }
        let named = span.links.iter().filter(|link| link.trace_id != span.trace_id).filter_map(named);
        if let Some((kind, cause)) = named.min() {
            return Some(Self::Named(kind, cause));
        }
        let is_unlinked = span.kind == SpanKind::Client && span.link_kind() == Some(LinkKind::None);
        let Some(Value::List(ids)) = span.attribute(attribute::LINK_CANDIDATE_IDS).filter(|_| is_unlinked)
        else {
            return None;
        };
        let named: Vec<SpanKey> = ids
            .iter()
            .filter_map(|id| read_key(id.as_text()?))
            .filter(|(trace_id, _)| *trace_id != span.trace_id)
            .take(MAX_CANDIDATES)
            .collect();
        let counted = span.attribute(attribute::LINK_CANDIDATES).and_then(Value::as_int);
        let counted = counted.and_then(|counted| usize::try_from(counted).ok()).unwrap_or_default();
        (!named.is_empty()).then(|| Self::OneOf(named, counted.max(ids.len())))
    }

    /// The spans that it names.
    pub fn causes(&self) -> &[SpanKey] {
        match self {
            Self::Named(_, cause) => std::slice::from_ref(cause),
            Self::OneOf(causes, _) => causes,
        }
    }
}

fn named(link: &SpanLink) -> Option<(SeamKind, SpanKey)> {
    let text = |key: &str| find(&link.attributes, key).and_then(Value::as_text);
    let kind = if text(attribute::LINKED_REASON) == Some(RESTART) {
        SeamKind::Restart
    } else {
        match LinkKind::from_name(text(attribute::LINK_KIND)?)? {
            LinkKind::None => return None,
            kind => SeamKind::Linked(kind),
        }
    };
    Some((kind, (link.trace_id, link.span_id)))
}

/// Reads `<trace id>-<span id>`.
fn read_key(text: &str) -> Option<SpanKey> {
    let (trace_id, span_id) = text.split_once('-')?;
    Some((TraceId::from_hex(trace_id.as_bytes())?, SpanId::from_hex(span_id.as_bytes())?))
}

/// What workloads were seen to do: what a workload that forwards context calls without it, and what one calls while it works on
/// nothing, has no cause among its requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    forwarding: HashSet<String>,
    in_background: HashSet<(String, String)>,
}

impl Habits {
    /// A workload forwards the context, or the request id, of its requests.
    pub fn saw_forwarding(&mut self, service: &str) {
        self.forwarding.insert(service.to_owned());
    }

    /// A workload calls a destination while no request is in flight in it.
    pub fn saw_background_calls(&mut self, service: &str, destination: &str) {
        self.in_background.insert((service.to_owned(), destination.to_owned()));
    }

    fn speak_against(&self, call: &Span) -> bool {
        let service = call.service_name();
        self.forwarding.contains(service)
            || self.in_background.contains(&(service.to_owned(), destination_of(call).to_owned()))
    }
}

/// Whom a call without context went to.
pub fn destination_of(call: &Span) -> &str {
    call.attribute(attribute::SERVER_ADDRESS).and_then(Value::as_text).unwrap_or_default()
}

/// What a claim is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) kind: SeamKind,
    /// Who caused it, where that is decided.
    pub(super) cause: Option<SpanKey>,
    /// How many could have caused it, as far as is known.
    pub(super) candidates: usize,
}

/// Judges the claim of a root by what is known of the spans that it names.
pub(super) fn judge(
    root: &Span,
    claim: &Claim,
    known: &HashMap<SpanKey, Vec<Arc<Span>>>,
    habits: &Habits,
) -> Judgement {
    let (named, counted) = match claim {
        Claim::Named(kind, cause) => return Judgement { kind: *kind, cause: Some(*cause), candidates: 1 },
        Claim::OneOf(named, counted) => (named, *counted),
    };
    let (mut possible, mut unknown) = (Vec::new(), counted.saturating_sub(named.len()));
    for key in named {
        let server = known.get(key).and_then(|spans| spans.iter().find(|span| span.kind == SpanKind::Server));
        match server {
            None => unknown += 1,
            Some(server) if contains(server, root) => possible.push(*key),
            // What it answered before the call was over it did not wait for.
            Some(_) => {}
        }
    }
    match possible.as_slice() {
        [cause] if unknown == 0 && !habits.speak_against(root) => {
            Judgement { kind: SeamKind::Contained, cause: Some(*cause), candidates: 1 }
        }
        _ => Judgement { kind: SeamKind::Open, cause: None, candidates: possible.len() + unknown },
    }
}

/// Whether a call lies within the time of a request, by the clock of the proxy that saw both.
fn contains(server: &Span, call: &Span) -> bool {
    clock_of(server) == clock_of(call)
        && server.start_unix_ns <= call.start_unix_ns
        && call.end_unix_ns <= server.end_unix_ns
}
