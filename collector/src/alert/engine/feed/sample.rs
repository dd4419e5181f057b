//! Samples of traces: those of a service, of an entry, or that take an edge or a route.

use std::collections::HashSet;
use std::time::Duration;

use throughline_model::attribute;
use throughline_model::id::TraceId;
use throughline_model::span::Value;

use super::Feed;
use crate::alert::inquiry::spans_about;
use crate::alert::subject::Subject;
use crate::assemble::{Lifecycle, assemble};
use crate::store::{Budget, Comparison, Condition, Field, Scope, SpanFilter, Test};

/// What finding a sample may cost: detection waits for it.
const FINDING_TIME: Duration = Duration::from_millis(300);
const FINDING_BYTES: u64 = 64 * 1024 * 1024;
/// Reading its traces, which is worth more patience than finding more of them.
const READING_TIME: Duration = Duration::from_secs(10);
const READING_BYTES: u64 = 256 * 1024 * 1024;
/// Who called is only known of a trace that was read: so many times the sample are read, where most calls are of others.
const MOST_READ: usize = 4;
const NS_PER_S: u64 = 1_000_000_000;

impl Feed {
    /// The latest traces of a subject that began in these seconds, after those that are asked for by id.
    pub(in super::super) fn sample(
        &self,
        subject: &Subject,
        seconds: (u64, u64),
        limit: usize,
        wanted: &[TraceId],
    ) -> Vec<Lifecycle> {
        let mut ids = wanted.to_vec();
        ids.extend(self.find(subject, seconds, limit).into_iter().filter(|id| !wanted.contains(id)));
        let is_of_sample = |trace: &Lifecycle| {
            let is_wanted = trace.spans.first().is_some_and(|first| wanted.contains(&first.span.trace_id));
            is_wanted || spans_about(trace, subject).next().is_some()
        };
        let budget = Budget::new(READING_TIME, READING_BYTES);
        let (mut sample, mut rest) = (Vec::new(), ids.as_slice());
        while !rest.is_empty() && sample.len() < limit + wanted.len() {
            let next = rest.get(..limit.min(rest.len())).unwrap_or_default();
            let read = self.store.traces_within(next, &budget).unwrap_or_default().items;
            if read.is_empty() {
                break;
            }
            rest = rest.get(read.len()..).unwrap_or_default();
            let traces = read.iter().filter(|spans| !spans.is_empty()).map(|spans| assemble(spans));
            sample.extend(traces.filter(is_of_sample));
        }
        sample.truncate(limit + wanted.len());
        sample
    }

    /// Traces that may be of a sample.
    fn find(
        &self,
        subject: &Subject,
        (since_unix_s, until_unix_s): (u64, u64),
        limit: usize,
    ) -> Vec<TraceId> {
        let limit = if subject.client().is_some() { MOST_READ * limit } else { limit };
        let budget = Budget::new(FINDING_TIME, FINDING_BYTES);
        let mut ids: Vec<TraceId> = Vec::new();
        for filter in filters(subject) {
            let filter = SpanFilter {
                since_unix_ns: Some(since_unix_s.saturating_mul(NS_PER_S)),
                until_unix_ns: Some(until_unix_s.saturating_mul(NS_PER_S)),
                ..filter
            };
            let found = self.store.search_within(&filter, limit, &budget).map(|found| found.items);
            ids.extend(found.unwrap_or_default());
        }
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(*id));
        ids
    }
}

/// What the spans of a subject have in common, as far as one span can tell; a call is told by callee or caller.
fn filters(subject: &Subject) -> Vec<SpanFilter> {
    let of = |service: &str, conditions: Vec<Condition>| SpanFilter {
        service: Some(service.to_owned()),
        conditions,
        ..SpanFilter::default()
    };
    match subject {
        Subject::Service(service) => vec![of(service, Vec::new())],
        Subject::Entry(service, operation) => {
            vec![of(service, vec![is(Field::Name, operation)])]
        }
        Subject::Edge(client, server) | Subject::Route(client, server, _) => {
            let route = subject
                .route()
                .map(|route| is_either(attribute_of(attribute::HTTP_ROUTE), Field::Name, route));
            let callee = vec![is(Field::Kind, "server")];
            let (host, cluster) = (attribute::SERVER_ADDRESS, attribute::ENVOY_UPSTREAM_CLUSTER);
            let caller =
                vec![is(Field::Kind, "client"), is_either(attribute_of(host), attribute_of(cluster), server)];
            let with_route =
                |conditions: Vec<Condition>| conditions.into_iter().chain(route.clone()).collect();
            vec![of(server, with_route(callee)), of(client, with_route(caller))]
        }
    }
}

fn attribute_of(key: &str) -> Field {
    Field::Attribute(Scope::Span, key.to_owned())
}

fn is(field: Field, value: &str) -> Condition {
    Condition::Field(field, Test::Is(Comparison::Equal, Value::Text(value.to_owned())))
}

fn is_either(one: Field, other: Field, value: &str) -> Condition {
    Condition::AnyOf(vec![is(one, value), is(other, value)])
}
