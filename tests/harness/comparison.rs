//! Holds the spans of a run against the truth: every call once at both ends, every parent right, nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::collector::api::{Lifecycle, Span};
use crate::topology::{Forwards, Topology};
use crate::truth::{Call, entry_key};

/// What one run amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls that happened, the entry requests included.
    pub calls: usize,
    /// Spans that arrived.
    pub spans: usize,
    /// Traces they are in.
    pub traces: usize,
    /// Calls that rightly began a trace of their own.
    pub unlinked_calls: usize,
}

/// The spans that a number of calls must make. An entry request makes one more than others: the gateway is its server
/// and a client, and the first service a server.
#[must_use]
pub fn spans_due(calls: &BTreeMap<&str, &Call>) -> usize {
    2 * calls.len() + entries(calls)
}

/// Compares every span with the truth; the error is one sentence for each fault.
pub fn compare(
    topology: &Topology,
    calls: &BTreeMap<&str, &Call>,
    lifecycles: &[Lifecycle],
) -> Result<Figures, Vec<String>> {
    Comparison::new(topology, lifecycles).finish(calls)
}

fn entries(calls: &BTreeMap<&str, &Call>) -> usize {
    calls.values().filter(|call| call.parent.is_none()).count()
}

/// Where the spans of one call are; the trace and the span.
type Place<'a> = (&'a str, &'a Span);

/// Whether a call belongs to the trace of the request that caused it.
#[derive(Clone, Copy)]
enum Linked {
    Yes,
    No,
}

struct Comparison<'a> {
    topology: &'a Topology,
    lifecycles: &'a [Lifecycle],
    spans: BTreeMap<(&'a str, &'a str), Vec<Place<'a>>>,
    faults: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(topology: &'a Topology, lifecycles: &'a [Lifecycle]) -> Self {
        let mut spans: BTreeMap<_, Vec<Place<'a>>> = BTreeMap::new();
        let mut faults = Vec::new();
        for lifecycle in lifecycles {
            let mut entries = BTreeSet::new();
            for span in &lifecycle.spans {
                let key = span.call_key().unwrap_or_default();
                entries.insert(entry_key(key));
                spans.entry((key, span.kind.as_str())).or_default().push((&lifecycle.summary.trace_id, span));
            }
            if entries.len() > 1 {
                faults.push(format!("trace {} mixes requests {entries:?}", lifecycle.summary.trace_id));
            }
        }
        Self { topology, lifecycles, spans, faults }
    }

    fn finish(mut self, calls: &BTreeMap<&str, &Call>) -> Result<Figures, Vec<String>> {
        let mut figures = Figures { calls: calls.len(), traces: self.lifecycles.len(), ..Figures::default() };
        for (key, call) in calls {
            figures.unlinked_calls += match self.check_call(key, call, &self.passed(calls, call)) {
                Linked::Yes => 0,
                Linked::No => 1,
            };
        }
        for (key, kind) in self.spans.keys().filter(|(key, _)| !calls.contains_key(key)) {
            self.faults.push(format!("{kind} span of `{key}`, which never happened"));
        }
        for lifecycle in self.lifecycles.iter().filter(|lifecycle| !lifecycle.summary.complete) {
            let (trace_id, gaps) = (&lifecycle.summary.trace_id, &lifecycle.gaps);
            self.faults.push(format!("trace {trace_id} is not complete: {gaps:?}"));
        }
        figures.spans = self.lifecycles.iter().map(|lifecycle| lifecycle.spans.len()).sum();
        let due = [
            ("spans", figures.spans, spans_due(calls)),
            ("traces", figures.traces, entries(calls) + figures.unlinked_calls),
        ];
        for (what, found, due) in due.into_iter().filter(|(_, found, due)| found != due) {
            self.faults.push(format!("{found} {what}, but {due} are due"));
        }
        if self.faults.is_empty() { Ok(figures) } else { Err(self.faults) }
    }

    /// The evidence that the calls of a service are due, and whether they belong to the trace of their cause.
    fn due_link(&self, from: &str) -> (&'static str, Linked) {
        match self.topology.services.get(from).map(|service| service.forwards) {
            Some(Forwards::TraceHeaders) => ("propagated", Linked::Yes),
            Some(Forwards::RequestId) => ("request-id", Linked::Yes),
            _ => ("none", Linked::No),
        }
    }

    /// The workloads that a call has passed, its caller the last. They begin anew where nothing ties a call to its cause.
    fn passed<'c>(&self, calls: &BTreeMap<&str, &'c Call>, call: &'c Call) -> Vec<&'c str> {
        let cause = call.parent.as_deref().and_then(|parent| calls.get(parent));
        let mut names = match (cause, self.due_link(&call.from).1) {
            (Some(cause), Linked::Yes) => self.passed(calls, cause),
            _ => Vec::new(),
        };
        names.push(&call.from);
        names
    }

    /// Both spans of one call, their parents, places and the link; whether the call must be part of its cause's trace.
    fn check_call(&mut self, key: &str, call: &Call, passed: &[&str]) -> Linked {
        let client = self.one(key, "client", &call.from);
        let server = self.one(key, "server", &call.to);
        self.expect_parent(key, server, client);
        self.expect_place(key, client, passed);
        self.expect_place(key, server, &[passed, &[&call.to]].concat());
        let Some(parent_key) = &call.parent else {
            let entry = self.one(key, "server", &call.from);
            self.expect_parent(key, client, entry);
            self.expect_place(key, entry, passed);
            self.expect_root(key, entry);
            return Linked::Yes;
        };
        let (link, linked) = self.due_link(&call.from);
        if let Some((_, span)) = client.filter(|(_, span)| span.link.as_deref() != Some(link)) {
            self.faults.push(format!("{key}: link {:?}, but `{link}` is due", span.link));
        }
        match linked {
            Linked::Yes => {
                let cause = self.one(parent_key, "server", &call.from);
                self.expect_parent(key, client, cause);
            }
            Linked::No => self.expect_root(key, client),
        }
        linked
    }

    /// The only span of this call, kind and service.
    fn one(&mut self, key: &str, kind: &str, service: &str) -> Option<Place<'a>> {
        let spans = self.spans.get(&(key, kind)).map(Vec::as_slice).unwrap_or_default();
        let mut fitting = spans.iter().filter(|(_, span)| span.service == service);
        let count = fitting.clone().count();
        if count != 1 {
            self.faults.push(format!("{key}: {count} {kind} spans of {service}, but 1 is due"));
        }
        fitting.next().copied()
    }

    /// Spans that are missing have been told of already.
    fn expect_parent(&mut self, key: &str, span: Option<Place<'a>>, cause: Option<Place<'a>>) {
        let (Some((trace, span)), Some((cause_trace, cause))) = (span, cause) else { return };
        let whose = format!("{key}: {} span of {}", span.kind, span.service);
        if span.parent_span_id.as_deref() != Some(&cause.span_id) {
            self.faults
                .push(format!("{whose}: parent {:?}, but {} is due", span.parent_span_id, cause.span_id));
        }
        if cause_trace != trace {
            self.faults.push(format!("{whose}: in another trace than its cause"));
        }
    }

    fn expect_place(&mut self, key: &str, span: Option<Place<'a>>, passed: &[&str]) {
        let Some((_, span)) = span else { return };
        let (depth, path) = (passed.len(), passed.join(">"));
        if span.trace_depth != Some(depth) || span.path.as_deref() != Some(&path) {
            let whose = format!("{key}: {} span of {}", span.kind, span.service);
            let found = format!("depth {:?} and path {:?}", span.trace_depth, span.path);
            self.faults.push(format!("{whose}: {found}, but {depth} and {path} are due"));
        }
    }

    fn expect_root(&mut self, key: &str, span: Option<Place<'a>>) {
        if let Some((_, span)) = span.filter(|(_, span)| span.parent_span_id.is_some()) {
            self.faults
                .push(format!("{key}: {} span of {} has a parent, but is a root", span.kind, span.service));
        }
    }
}

#[cfg(test)]
mod tests;
