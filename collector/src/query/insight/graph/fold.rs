//! Adds up the minutes of two windows to a graph.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Calls, Edge, Exemplar, Graph, LinkConfidence, Node, Route, VanishedEdge};
use crate::assemble::confidence_of;
use crate::store::{Figures, Links, Rollup, Series, UNKNOWN};

type Ends = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Sums {
    all: Figures,
    by_route: BTreeMap<Arc<str>, Figures>,
}

/// The graph of `now`, compared with `before`.
pub(super) fn fold((since_unix_s, until_unix_s): (u64, u64), before: &[Rollup], now: &[Rollup]) -> Graph {
    let (before, now) = (sum(before), sum(now));
    let edges = now
        .iter()
        .map(|(ends, sums)| Edge { appeared: !before.contains_key(ends), ..edge(ends, sums) })
        .collect();
    let gone = before.iter().filter(|(ends, _)| !now.contains_key(*ends));
    let vanished = gone.map(|((client, server), sums)| VanishedEdge {
        client: name_of(client),
        server: server.to_string(),
        requests_before: sums.all.calls,
    });
    Graph { since_unix_s, until_unix_s, nodes: nodes(&now), edges, vanished: vanished.collect() }
}

fn sum(rollups: &[Rollup]) -> BTreeMap<Ends, Sums> {
    let mut edges: BTreeMap<Ends, Sums> = BTreeMap::new();
    for rollup in rollups {
        if let Series::Edge { client, server, route } = &rollup.series {
            let sums = edges.entry((Arc::clone(client), Arc::clone(server))).or_default();
            sums.all.add(&rollup.figures);
            sums.by_route.entry(Arc::clone(route)).or_default().add(&rollup.figures);
        }
    }
    edges
}

/// Every service that called or was called, with the requests that it received.
fn nodes(edges: &BTreeMap<Ends, Sums>) -> Vec<Node> {
    let names: BTreeSet<&Arc<str>> = edges
        .keys()
        .flat_map(|(client, server)| [client, server])
        .filter(|name| ***name != *UNKNOWN)
        .collect();
    let mut received: BTreeMap<&Arc<str>, Figures> = BTreeMap::new();
    for ((_, server), sums) in edges {
        received.entry(server).or_default().add(&sums.all);
    }
    let node = |service: &Arc<str>| Node {
        service: service.to_string(),
        calls: received.get(service).map_or_else(Calls::default, calls),
    };
    names.into_iter().map(node).collect()
}

fn edge((client, server): &Ends, sums: &Sums) -> Edge {
    let mut routes: Vec<Route> = sums
        .by_route
        .iter()
        .map(|(route, figures)| Route {
            route: route.to_string(),
            calls: calls(figures),
            slowest: figures.slowest.as_ref().map(exemplar),
            slowest_error: figures.slowest_error.as_ref().map(exemplar),
        })
        .collect();
    routes.sort_by_key(|route| Reverse(route.calls.requests));
    Edge {
        client: name_of(client),
        server: server.to_string(),
        calls: calls(&sums.all),
        client_p50_ns: sums.all.client_durations.quantile_ns(0.5),
        client_p99_ns: sums.all.client_durations.quantile_ns(0.99),
        one_sided: sums.all.one_sided,
        links: sums.all.links.iter().map(|(kind, calls)| (kind.as_str().to_owned(), calls)).collect(),
        link_confidence: link_confidence(&sums.all.links),
        appeared: false,
        slowest: sums.all.slowest.as_ref().map(exemplar),
        slowest_error: sums.all.slowest_error.as_ref().map(exemplar),
        routes,
    }
}

fn link_confidence(links: &Links) -> Option<LinkConfidence> {
    let told = || links.iter().filter_map(|(kind, calls)| Some((confidence_of(kind)?, calls as f64)));
    let lowest = told().map(|(confidence, _)| confidence).reduce(f64::min)?;
    let sum: f64 = told().map(|(confidence, calls)| confidence * calls).sum();
    let mean = sum / told().map(|(_, calls)| calls).sum::<f64>();
    Some(LinkConfidence { lowest, mean })
}

fn calls(figures: &Figures) -> Calls {
    Calls {
        requests: figures.calls,
        errors: figures.errors,
        p50_ns: figures.durations.quantile_ns(0.5),
        p95_ns: figures.durations.quantile_ns(0.95),
        p99_ns: figures.durations.quantile_ns(0.99),
    }
}

fn exemplar(exemplar: &crate::store::Exemplar) -> Exemplar {
    Exemplar {
        trace_id: exemplar.trace_id.to_string(),
        span_id: exemplar.span_id.to_string(),
        duration_ns: exemplar.duration_ns,
    }
}

fn name_of(client: &Arc<str>) -> Option<String> {
    (**client != *UNKNOWN).then(|| client.to_string())
}
