//! Graphs of a few minutes by hand.

use std::sync::Arc;

use throughline_model::link::LinkKind;

use super::fold::fold;
use super::{Graph, VanishedEdge, touches};
use crate::store::{Figures, Rollup, Series};

/// A minute of one edge: caller, callee, route, calls, errors.
type Minute<'a> = (u64, &'a str, &'a str, &'a str, u64, u64);

fn rollups(minutes: &[Minute]) -> Vec<Rollup> {
    let one = |(minute, client, server, route, calls, errors): &Minute| {
        let mut figures = Figures { calls: *calls, errors: *errors, ..Figures::default() };
        (0..*calls).for_each(|_| figures.durations.observe(1_000_000));
        let series =
            Series::Edge { client: Arc::from(*client), server: Arc::from(*server), route: Arc::from(*route) };
        Rollup { minute_unix_s: *minute, series, figures }
    };
    minutes.iter().map(one).collect()
}

fn graph(before: &[Minute], now: &[Minute]) -> Graph {
    fold((60, 180), &rollups(before), &rollups(now))
}

#[test]
fn adds_minutes_and_routes_up_to_edges() {
    let now = [
        (60, "", "front", "/", 4, 0),
        (60, "front", "cart", "GET /cart", 2, 1),
        (120, "front", "cart", "GET /cart", 3, 0),
        (120, "front", "cart", "POST /cart", 9, 2),
    ];
    let graph = graph(&[], &now);
    let edges: Vec<_> = graph
        .edges
        .iter()
        .map(|edge| (edge.client.as_deref(), edge.server.as_str(), edge.calls.requests, edge.calls.errors))
        .collect();
    assert_eq!(edges, [(None, "front", 4, 0), (Some("front"), "cart", 14, 3)]);
    let routes: Vec<_> =
        graph.edges[1].routes.iter().map(|route| (route.route.as_str(), route.calls.requests)).collect();
    assert_eq!(routes, [("POST /cart", 9), ("GET /cart", 5)]);
    let nodes: Vec<_> = graph.nodes.iter().map(|node| (node.service.as_str(), node.calls.requests)).collect();
    assert_eq!(nodes, [("cart", 14), ("front", 4)]);
    assert!(graph.edges[1].calls.p50_ns.is_some_and(|time| (940_000..=1_070_000).contains(&time)));
}

#[test]
fn tells_what_appeared_and_what_vanished() {
    let before = [(0, "front", "cart", "/", 5, 0), (0, "front", "old", "/", 7, 0)];
    let graph = graph(&before, &[(60, "front", "cart", "/", 5, 0), (60, "front", "new", "/", 1, 0)]);
    let appeared: Vec<_> = graph.edges.iter().map(|edge| (edge.server.as_str(), edge.appeared)).collect();
    assert_eq!(appeared, [("cart", false), ("new", true)]);
    let old = VanishedEdge { client: Some("front".to_owned()), server: "old".to_owned(), requests_before: 7 };
    assert_eq!(graph.vanished, [old]);
}

#[test]
fn tells_what_ties_calls_to_their_causes() {
    let mut minutes = rollups(&[(60, "front", "cart", "/", 5, 0), (120, "front", "cart", "/", 5, 0)]);
    assert_eq!(fold((60, 180), &[], &minutes).edges[0].link_confidence, None);
    minutes[0].figures.links.observe(LinkKind::Propagated, 3);
    minutes[0].figures.links.observe(LinkKind::None, 2);
    minutes[1].figures.links.observe(LinkKind::Sole, 1);
    let edge = &fold((60, 180), &[], &minutes).edges[0];
    let links: Vec<_> = edge.links.iter().map(|(kind, calls)| (kind.as_str(), *calls)).collect();
    assert_eq!(links, [("none", 2), ("propagated", 3), ("sole", 1)]);
    let confidence = edge.link_confidence.unwrap();
    assert_eq!(confidence.lowest, 0.999);
    assert!((confidence.mean - 3.999 / 4.0).abs() < 1e-12, "{confidence:?}");
}

#[test]
fn an_edge_is_of_the_services_at_its_ends() {
    let edge = &rollups(&[(60, "front", "cart", "/", 1, 0)])[0].series;
    assert!(touches(edge, "front") && touches(edge, "cart") && !touches(edge, "fr"));
}

#[test]
fn is_empty_without_calls() {
    let empty = Graph { since_unix_s: 60, until_unix_s: 180, ..Graph::default() };
    assert_eq!(graph(&[], &[]), empty);
}
