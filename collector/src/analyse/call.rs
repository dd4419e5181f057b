//! The calls of many requests in the shape in which windows of time are compared: who was called, by whom, how long.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, StatusCode, Value};

use crate::assemble::{Lifecycle, PlacedSpan};

/// One request to a service, as the service saw it, and as its caller saw it where that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The call during which it was made: its place in the same trace.
    pub parent: Option<usize>,
    /// Who made it, where spans tell that though the call during which it was made is not in the trace.
    pub caller: Option<Arc<str>>,
    /// The service that was called.
    pub service: Arc<str>,
    /// What was asked of it.
    pub operation: Arc<str>,
    /// When the service worked on it, in nanoseconds on the service's clock.
    pub server: Stretch,
    /// When its caller waited for it, in nanoseconds on the caller's clock.
    pub client: Option<Stretch>,
    /// How it ended.
    pub outcome: Outcome,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Begin in nanoseconds.
    pub from_ns: u64,
    /// End in nanoseconds.
    pub until_ns: u64,
}

impl Stretch {
    /// How long it is; zero when the end is before the begin.
    pub fn length_ns(self) -> u64 {
        self.until_ns.saturating_sub(self.from_ns)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// No error was seen.
    #[default]
    Well,
    /// It failed, and so did a call that it made: it may only have passed the error on.
    ErrorCarried,
    /// It failed, and none of its own calls did.
    ErrorBegan,
}

/// All calls of some traces, each trace by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The traces; [`Call::parent`] counts within one of them.
    pub traces: Vec<Vec<Call>>,
}

/// The calls of one lifecycle, in tree order. A call that no server span answered is taken by its client span alone,
/// under the name of the host it went to.
pub fn calls_of(lifecycle: &Lifecycle) -> Vec<Call> {
    let mut names = Names::default();
    let mut calls: Vec<Call> = Vec::new();
    // For each span the call it belongs to: the nearest one at or above it.
    let mut call_at: Vec<Option<usize>> = Vec::with_capacity(lifecycle.spans.len());
    let answers = find_answers(lifecycle);
    for (index, placed) in lifecycle.spans.iter().enumerate() {
        let above = placed.parent.and_then(|parent| call_at.get(parent).copied().flatten());
        let answer = answers.get(index).copied().unwrap_or(Answer::Arrived);
        let begins = begins_call(lifecycle, placed, answer);
        if begins {
            let client = match answer {
                Answer::Arrived => client_of(lifecycle, placed),
                Answer::Absent => None,
            };
            let caller = above.is_none().then(|| caller_of(lifecycle, placed)).flatten();
            let caller = caller.map(|caller| names.get(caller));
            calls.push(Call { caller, ..make_call(&placed.span, above, client, &mut names) });
        }
        call_at.push(if begins { calls.len().checked_sub(1) } else { above });
    }
    mark_carriers(&mut calls);
    calls
}

/// Whether a call has no answer in the trace: who was called sent no span, or none has arrived yet.
pub fn has_unanswered_call(lifecycle: &Lifecycle) -> bool {
    find_answers(lifecycle).contains(&Answer::Absent)
}

#[derive(Default)]
struct Names(HashMap<String, Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        self.0.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}

/// A server span begins a call, unless it is the application's account of what its proxy has told already; so does the
/// last client span on the way to a server that sent none.
fn begins_call(lifecycle: &Lifecycle, placed: &PlacedSpan, answer: Answer) -> bool {
    let parent = placed.parent.and_then(|parent| lifecycle.spans.get(parent));
    match placed.span.kind {
        SpanKind::Server | SpanKind::Consumer => !parent.is_some_and(|parent| {
            parent.span.kind == placed.span.kind && parent.span.service_name() == placed.span.service_name()
        }),
        SpanKind::Client => answer == Answer::Absent,
        SpanKind::Unspecified | SpanKind::Internal | SpanKind::Producer => false,
    }
}

/// Whether anything stands under a client span; other spans ask for no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Arrived,
    Absent,
}

fn find_answers(lifecycle: &Lifecycle) -> Vec<Answer> {
    let asks = |placed: &PlacedSpan| placed.span.kind == SpanKind::Client;
    let mut answers: Vec<Answer> = lifecycle
        .spans
        .iter()
        .map(|placed| if asks(placed) { Answer::Absent } else { Answer::Arrived })
        .collect();
    for placed in &lifecycle.spans {
        if let Some(parent) = placed.parent.and_then(|parent| answers.get_mut(parent)) {
            *parent = Answer::Arrived;
        }
    }
    answers
}

/// Who made the call that a span tells of: the service of the client span, or else the workload before the last one on the
/// path that the request took.
pub fn caller_of<'a>(lifecycle: &'a Lifecycle, placed: &'a PlacedSpan) -> Option<&'a str> {
    if placed.span.kind == SpanKind::Client {
        return Some(placed.span.service_name());
    }
    if let Some(parent) = placed.parent.and_then(|parent| lifecycle.spans.get(parent)) {
        return Some(parent.span.service_name());
    }
    placed.span.attribute(attribute::PATH).and_then(Value::as_text)?.rsplit('>').nth(1)
}

/// The client span right above a server span.
fn client_of(lifecycle: &Lifecycle, placed: &PlacedSpan) -> Option<Stretch> {
    let parent = lifecycle.spans.get(placed.parent?)?;
    (parent.span.kind == SpanKind::Client).then(|| stretch_of(&parent.span))
}

fn make_call(span: &Span, parent: Option<usize>, client: Option<Stretch>, names: &mut Names) -> Call {
    let service = if span.kind == SpanKind::Client { called_host(span) } else { span.service_name() };
    let is_error = span.status == StatusCode::Error;
    Call {
        parent,
        caller: None,
        service: names.get(service),
        operation: names.get(&span.name),
        server: stretch_of(span),
        client,
        outcome: if is_error { Outcome::ErrorBegan } else { Outcome::Well },
    }
}

/// Whom a client span called, as far as it alone can tell: the host, or else the cluster.
pub fn called_host(span: &Span) -> &str {
    [attribute::SERVER_ADDRESS, attribute::ENVOY_UPSTREAM_CLUSTER]
        .into_iter()
        .find_map(|key| span.attribute(key).and_then(Value::as_text))
        .unwrap_or("unknown host")
}

fn stretch_of(span: &Span) -> Stretch {
    Stretch { from_ns: span.start_unix_ns, until_ns: span.end_unix_ns }
}

/// Where a call and one that it made both failed, the error began below.
pub(super) fn mark_carriers(calls: &mut [Call]) {
    let failed_parents: Vec<usize> =
        calls.iter().filter(|call| call.outcome != Outcome::Well).filter_map(|call| call.parent).collect();
    for parent in failed_parents {
        if let Some(call) = calls.get_mut(parent)
            && call.outcome == Outcome::ErrorBegan
        {
            call.outcome = Outcome::ErrorCarried;
        }
    }
}

#[cfg(test)]
mod tests;
