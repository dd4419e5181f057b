//! Finds how far the clocks of workloads are apart, from calls between them, and corrects for it.
//!
//! A server works on a request between the moment its caller sent it and the moment the caller had the answer. Where the
//! times say otherwise, one of the two clocks is wrong by at least so much. Durations are differences on one clock and
//! need no correction; only positions move. Within the bounds that all calls between two workloads leave, no correction
//! is preferred, else the middle, which assumes that way and way back take equally long.

use std::collections::HashMap;

use throughline_model::attribute;
use throughline_model::span::{Span, SpanKind, Value, find};

use super::tree::{Node, Place};

/// On which clock positions are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The clock of the workload that the tree begins with; the others are corrected to it.
    #[default]
    Corrected,
    /// Each span on the clock of its sender.
    Raw,
}

/// What may be added to a server's times less what is added to its caller's, in nanoseconds.
#[derive(Clone, Copy)]
struct Bounds {
    least: i128,
    most: i128,
}

impl Bounds {
    const ALL: Self = Self { least: i128::MIN / 4, most: i128::MAX / 4 };

    /// What one call allows: it began after it was sent, and ended before its answer was received. A server that worked
    /// longer than its caller waited says nothing by its end.
    fn of(client: &Span, server: &Span) -> Self {
        let least = i128::from(client.start_unix_ns) - i128::from(server.start_unix_ns);
        let most = i128::from(client.end_unix_ns) - i128::from(server.end_unix_ns);
        Self { least, most: if most < least { Self::ALL.most } else { most } }
    }

    fn and(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.min(other.most) }
    }

    /// The smallest correction within the bounds is none; otherwise the middle. Bounds that contradict each other, as a
    /// clock that was set meanwhile leaves them, have a middle too.
    fn correction(self) -> i128 {
        let is_consistent = self.least <= self.most;
        if is_consistent && self.least <= 0 && self.most >= 0 {
            0
        } else if self.most >= Self::ALL.most {
            self.least
        } else {
            i128::midpoint(self.least, self.most)
        }
    }
}

/// What is to be added to the times of each node.
pub(super) fn corrections(nodes: &[Node], clock: Clock) -> Vec<i64> {
    if clock == Clock::Raw {
        return vec![0; nodes.len()];
    }
    let bounds = bounds_between(nodes);
    let mut known: HashMap<&str, i128> = HashMap::new();
    for node in nodes {
        let name = clock_of(&node.span);
        if known.contains_key(name) {
            continue;
        }
        let pair = caller(nodes, node).and_then(|client| {
            let caller_name = clock_of(&client.span);
            known.get(caller_name).zip(bounds.get(&(caller_name, name)))
        });
        let correction = pair.map_or(0, |(of_caller, bounds)| of_caller + bounds.correction());
        known.insert(name, correction);
    }
    let of_node = |node: &Node| known.get(clock_of(&node.span)).copied().unwrap_or(0);
    nodes.iter().map(|node| i64::try_from(of_node(node)).unwrap_or(0)).collect()
}

fn bounds_between(nodes: &[Node]) -> HashMap<(&str, &str), Bounds> {
    let mut all: HashMap<(&str, &str), Bounds> = HashMap::new();
    for node in nodes {
        if let Some(client) = caller(nodes, node) {
            let bounds = all.entry((clock_of(&client.span), clock_of(&node.span))).or_insert(Bounds::ALL);
            *bounds = bounds.and(Bounds::of(&client.span, &node.span));
        }
    }
    all
}

/// The client span of another workload right above a server span.
fn caller<'a>(nodes: &'a [Node], node: &Node) -> Option<&'a Node> {
    let Place::Under(parent) = node.place else {
        return None;
    };
    let parent = nodes.get(parent)?;
    let is_call = parent.span.kind == SpanKind::Client && node.span.kind == SpanKind::Server;
    (is_call && clock_of(&parent.span) != clock_of(&node.span)).then_some(parent)
}

/// What has one clock: an instance of a service, or all of it where instances are not told apart.
pub(super) fn clock_of(span: &Span) -> &str {
    [attribute::SERVICE_INSTANCE_ID, attribute::K8S_POD_NAME]
        .into_iter()
        .find_map(|key| find(&span.resource.attributes, key).and_then(Value::as_text))
        .unwrap_or_else(|| span.service_name())
}

#[cfg(test)]
mod tests;
