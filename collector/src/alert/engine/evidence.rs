//! Gathers from traces what an alert's numbers cannot tell: the first bad hop, where the time went, and whose requests suffer.

use std::collections::BTreeMap;

use throughline_model::id::TraceId;
use throughline_model::span::StatusCode;

use super::Shared;
use super::feed::Feed;
use crate::alert::book::State;
use crate::alert::evidence::{Evidence, SelfTime};
use crate::assemble::{Lifecycle, PlacedSpan};

/// Alerts that are completed in one round; traces are read for each.
const MAX_AT_ONCE: usize = 8;
const MAX_PARTS: usize = 10;

/// Completes alerts that fire and are not complete yet. Says whether there was one.
pub(super) fn complete(shared: &Shared, feed: &Feed) -> bool {
    let waiting: Vec<(String, String, Vec<String>)> = shared
        .book()
        .alerts()
        .into_iter()
        .filter(|alert| alert.state == State::Firing && alert.evidence.self_time.is_empty())
        .filter(|alert| !alert.evidence.exemplars.is_empty())
        .take(MAX_AT_ONCE)
        .map(|alert| (alert.id.clone(), alert.kind.clone(), alert.evidence.exemplars.clone()))
        .collect();
    let mut is_any = false;
    for (id, kind, exemplars) in waiting {
        let traces: Vec<Lifecycle> = exemplars
            .iter()
            .filter_map(|text| TraceId::from_hex(text.as_bytes()))
            .filter_map(|trace_id| feed.lifecycle(trace_id))
            .collect();
        if !traces.is_empty() {
            shared.book().complete(&id, |evidence| fill(evidence, &kind, &traces));
            is_any = true;
        }
    }
    is_any
}

fn fill(evidence: &mut Evidence, kind: &str, traces: &[Lifecycle]) {
    let mut parts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for placed in traces.iter().flat_map(|trace| &trace.spans) {
        *parts.entry((placed.span.service_name(), placed.span.name.as_str())).or_default() += placed.self_ns;
    }
    let all = parts.values().sum::<u64>().max(1) as f64;
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, self_ns)| std::cmp::Reverse(*self_ns));
    evidence.self_time = parts
        .into_iter()
        .take(MAX_PARTS)
        .map(|((service, operation), self_ns)| SelfTime {
            service: service.to_owned(),
            operation: operation.to_owned(),
            share: self_ns as f64 / all,
        })
        .collect();
    evidence.first_bad_hop = traces
        .iter()
        .find_map(|trace| first_bad(trace, kind))
        .map(|placed| format!("{} {}", placed.span.service_name(), placed.span.name));
    let entries = traces.iter().filter_map(|trace| trace.spans.first());
    let mut routes: Vec<String> =
        entries.map(|placed| format!("{} {}", placed.span.service_name(), placed.span.name)).collect();
    routes.append(&mut evidence.entry_routes);
    routes.sort();
    routes.dedup();
    evidence.entry_routes = routes;
}

/// Of errors the one that no error below it explains; else the span that took longest by itself.
fn first_bad<'a>(trace: &'a Lifecycle, kind: &str) -> Option<&'a PlacedSpan> {
    let failed = |placed: &PlacedSpan| placed.span.status == StatusCode::Error;
    if matches!(kind, "error_rate" | "burn_rate") {
        let is_carried =
            |place: usize| trace.spans.iter().any(|other| other.parent == Some(place) && failed(other));
        let origin =
            trace.spans.iter().enumerate().filter(|(place, placed)| failed(placed) && !is_carried(*place));
        return origin.max_by_key(|(_, placed)| placed.level).map(|(_, placed)| placed);
    }
    trace.spans.iter().max_by_key(|placed| placed.self_ns)
}
