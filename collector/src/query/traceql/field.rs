//! What fields stand for at a span of a trace.

use std::borrow::Cow;
use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::{Span, Value, find};

use super::operand::Operand;
use super::syntax::{Bearer, Field, Scope};
use crate::assemble::Lifecycle;
use crate::query::answer::is_truncated;
use crate::query::envoy_tags;

/// A trace as a query sees it.
#[derive(Clone, Debug)]
pub(in crate::query) struct View<'a> {
    pub(in crate::query) trace_id: TraceId,
    pub(in crate::query) lifecycle: &'a Lifecycle,
    /// For each span, how many spans name it as their parent.
    children: Vec<u32>,
}

impl<'a> View<'a> {
    pub(in crate::query) fn new(trace_id: TraceId, lifecycle: &'a Lifecycle) -> Self {
        let mut children = vec![0u32; lifecycle.spans.len()];
        for parent in lifecycle.spans.iter().filter_map(|placed| placed.parent) {
            if let Some(count) = children.get_mut(parent) {
                *count = count.saturating_add(1);
            }
        }
        Self { trace_id, lifecycle, children }
    }

    pub(super) fn span(&self, index: usize) -> Option<&'a Arc<Span>> {
        self.lifecycle.spans.get(index).map(|placed| &placed.span)
    }

    pub(super) fn parent(&self, index: usize) -> Option<usize> {
        self.lifecycle.spans.get(index).and_then(|placed| placed.parent)
    }

    pub(super) fn len(&self) -> usize {
        self.lifecycle.spans.len()
    }
}

/// What is known of a span or a trace without attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) enum Intrinsic {
    Name,
    Duration,
    SelfDuration,
    Status,
    StatusMessage,
    Kind,
    SpanId,
    ParentId,
    Level,
    ChildCount,
    NestedSetParent,
    LinkKind,
    TraceId,
    TraceDuration,
    RootName,
    RootService,
    TraceDepth,
    TraceHops,
    TraceSpans,
    TraceErrors,
    TraceComplete,
    TraceLink,
    EventName,
    LinkTraceId,
    LinkSpanId,
}

/// The names of intrinsics; the first of several names of one is used in answers.
const NAMES: [(&str, Intrinsic); 34] = [
    ("name", Intrinsic::Name),
    ("span:name", Intrinsic::Name),
    ("duration", Intrinsic::Duration),
    ("span:duration", Intrinsic::Duration),
    ("span:self", Intrinsic::SelfDuration),
    ("status", Intrinsic::Status),
    ("span:status", Intrinsic::Status),
    ("statusMessage", Intrinsic::StatusMessage),
    ("span:statusMessage", Intrinsic::StatusMessage),
    ("kind", Intrinsic::Kind),
    ("span:kind", Intrinsic::Kind),
    ("span:id", Intrinsic::SpanId),
    ("span:parentID", Intrinsic::ParentId),
    ("span:level", Intrinsic::Level),
    ("span:childCount", Intrinsic::ChildCount),
    ("childCount", Intrinsic::ChildCount),
    ("nestedSetParent", Intrinsic::NestedSetParent),
    ("span:link", Intrinsic::LinkKind),
    ("trace:id", Intrinsic::TraceId),
    ("traceDuration", Intrinsic::TraceDuration),
    ("trace:duration", Intrinsic::TraceDuration),
    ("rootName", Intrinsic::RootName),
    ("trace:rootName", Intrinsic::RootName),
    ("rootServiceName", Intrinsic::RootService),
    ("trace:rootService", Intrinsic::RootService),
    ("trace:depth", Intrinsic::TraceDepth),
    ("trace:hops", Intrinsic::TraceHops),
    ("trace:spans", Intrinsic::TraceSpans),
    ("trace:errors", Intrinsic::TraceErrors),
    ("trace:complete", Intrinsic::TraceComplete),
    ("trace:link", Intrinsic::TraceLink),
    ("event:name", Intrinsic::EventName),
    ("link:traceID", Intrinsic::LinkTraceId),
    ("link:spanID", Intrinsic::LinkSpanId),
];

impl Intrinsic {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, intrinsic)| intrinsic)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.into_iter().find(|(_, intrinsic)| *intrinsic == self).map_or("", |(name, _)| name)
    }

    /// Every name that is understood, for messages and for Grafana's lists.
    pub(in crate::query) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().map(|(name, _)| name)
    }
}

/// The value of a field at a span.
pub(super) fn value<'a>(field: &Field, view: &View<'a>, index: usize) -> Operand<'a> {
    match field {
        Field::Intrinsic(intrinsic) => of_intrinsic(*intrinsic, view, index),
        Field::Attribute { scope, key, of } => {
            let bearer = match of {
                Bearer::Span => Some(index),
                Bearer::ParentSpan => view.parent(index),
            };
            bearer
                .and_then(|bearer| view.span(bearer))
                .map_or(Operand::Nil, |span| of_attribute(span, *scope, key))
        }
    }
}

fn of_attribute<'a>(span: &'a Span, scope: Scope, key: &str) -> Operand<'a> {
    let own = || envoy_tags::value(span, key).map(of_value);
    let of_resource = || find(&span.resource.attributes, key).map(Operand::of);
    let found = match scope {
        Scope::Any => own().or_else(of_resource),
        Scope::Span => own(),
        Scope::Resource => of_resource(),
        Scope::Event => {
            some(span.events.iter().filter_map(|event| find(&event.attributes, key)).map(Operand::of))
        }
        Scope::Link => {
            some(span.links.iter().filter_map(|link| find(&link.attributes, key)).map(Operand::of))
        }
    };
    found.unwrap_or(Operand::Nil)
}

fn of_value(value: Cow<'_, Value>) -> Operand<'_> {
    match value {
        Cow::Borrowed(value) => Operand::of(value),
        Cow::Owned(Value::Text(text)) => Operand::Text(Cow::Owned(text)),
        // Derived tags are texts.
        Cow::Owned(_) => Operand::Nil,
    }
}

fn some<'a>(values: impl Iterator<Item = Operand<'a>>) -> Option<Operand<'a>> {
    let values: Vec<Operand<'a>> = values.collect();
    (!values.is_empty()).then_some(Operand::Any(values))
}

fn of_intrinsic<'a>(intrinsic: Intrinsic, view: &View<'a>, index: usize) -> Operand<'a> {
    let lifecycle = view.lifecycle;
    let Some(placed) = lifecycle.spans.get(index) else {
        return Operand::Nil;
    };
    let span = &placed.span;
    let owned = |text: String| Operand::Text(Cow::Owned(text));
    match intrinsic {
        Intrinsic::Name => Operand::text(&span.name),
        Intrinsic::Duration => Operand::count(span.duration_ns()),
        Intrinsic::SelfDuration => Operand::count(placed.self_ns),
        Intrinsic::Status => Operand::Status(span.status),
        Intrinsic::StatusMessage => Operand::text(&span.status_message),
        Intrinsic::Kind => Operand::Kind(span.kind),
        Intrinsic::SpanId => owned(span.span_id.to_hex()),
        Intrinsic::ParentId => span.parent_span_id.map_or(Operand::Nil, |parent| owned(parent.to_hex())),
        Intrinsic::Level => Operand::count(placed.level as u64),
        Intrinsic::ChildCount => Operand::count(view.children.get(index).copied().map_or(0, u64::from)),
        Intrinsic::NestedSetParent => Operand::Int(match placed.parent {
            Some(parent) => i64::try_from(parent).map_or(i64::MAX, |parent| parent + 1),
            // As Tempo has it, a span whose parent did not arrive is no root.
            None if placed.is_parent_missing => 0,
            None => -1,
        }),
        Intrinsic::LinkKind => span.link_kind().map_or(Operand::Nil, |kind| Operand::text(kind.as_str())),
        Intrinsic::EventName => {
            some(span.events.iter().map(|event| Operand::text(&event.name))).unwrap_or(Operand::Nil)
        }
        Intrinsic::LinkTraceId => {
            some(span.links.iter().map(|link| owned(link.trace_id.to_hex()))).unwrap_or(Operand::Nil)
        }
        Intrinsic::LinkSpanId => {
            some(span.links.iter().map(|link| owned(link.span_id.to_hex()))).unwrap_or(Operand::Nil)
        }
        of_trace => of_whole_trace(of_trace, view),
    }
}

fn of_whole_trace<'a>(intrinsic: Intrinsic, view: &View<'a>) -> Operand<'a> {
    let lifecycle = view.lifecycle;
    let root = || lifecycle.root();
    match intrinsic {
        Intrinsic::TraceId => Operand::Text(Cow::Owned(view.trace_id.to_hex())),
        Intrinsic::TraceDuration => Operand::count(lifecycle.duration_ns),
        Intrinsic::RootName => root().map_or(Operand::Nil, |root| Operand::text(&root.name)),
        Intrinsic::RootService => root().map_or(Operand::Nil, |root| Operand::text(root.service_name())),
        Intrinsic::TraceDepth => Operand::count(lifecycle.depth as u64),
        Intrinsic::TraceHops => Operand::count(lifecycle.hops as u64),
        Intrinsic::TraceSpans => Operand::count(lifecycle.spans.len() as u64),
        Intrinsic::TraceErrors => Operand::count(lifecycle.errors as u64),
        Intrinsic::TraceComplete => Operand::Bool(lifecycle.is_complete() && !is_truncated(lifecycle)),
        Intrinsic::TraceLink => {
            lifecycle.weakest_link.map_or(Operand::Nil, |kind| Operand::text(kind.as_str()))
        }
        _ => Operand::Nil,
    }
}
