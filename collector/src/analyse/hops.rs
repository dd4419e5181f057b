//! The timeline of a request: its hops in order, and for each where the time between caller and callee went.

use std::collections::HashMap;

use throughline_model::attribute;
use throughline_model::link::LinkKind;
use throughline_model::span::{Span, SpanKind, Value};

use crate::assemble::{Lifecycle, PlacedSpan, Seam, confidence_of};

/// One call from one workload to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hop {
    /// The caller's span, by its place in [`Lifecycle::spans`].
    pub client: Option<usize>,
    /// The callee's span; of several attempts each makes a hop with the same client.
    pub server: Option<usize>,
    /// Hops above it on its path, itself included.
    pub depth: usize,
    /// When it began, from the start of the trace.
    pub offset_ns: u64,
    /// How long it took its caller, or the callee where the caller sent no span.
    pub duration_ns: u64,
    /// Hops of the same parent that were under way when it began, itself included.
    pub concurrency: usize,
    /// The callee's time outside of its own calls.
    pub self_ns: u64,
    /// The callee's time in its own calls.
    pub wait_ns: u64,
    /// Where the time went.
    pub split: Split,
    /// What ties it to the request that caused it, by name; `None` where no span says.
    pub link: Option<&'static str>,
    /// The probability that this is right; `None` where nothing is claimed.
    pub confidence: Option<f64>,
}

/// The parts of a hop. Each is a difference of times on one clock; `None` where a span that it needs did not arrive, or does
/// not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// In the caller's proxy, and between it and its application.
    pub client_proxy_ns: Option<u64>,
    /// On the way between the two proxies.
    pub network_ns: Option<u64>,
    /// Both of these together: known more often than each.
    pub between_ns: Option<u64>,
    /// In the callee's proxy.
    pub server_proxy_ns: Option<u64>,
    /// In the callee's application, its own calls included.
    pub application_ns: Option<u64>,
}

/// All hops by start; those that began together in tree order.
pub fn hops(lifecycle: &Lifecycle) -> Vec<Hop> {
    let mut hops: Vec<(Option<usize>, Hop)> = Vec::new();
    // For each span the hop it belongs to.
    let mut hop_at: Vec<Option<usize>> = Vec::with_capacity(lifecycle.spans.len());
    for (index, placed) in lifecycle.spans.iter().enumerate() {
        let parent = placed.parent.and_then(|parent| lifecycle.spans.get(parent));
        let above = placed.parent.and_then(|parent| hop_at.get(parent).copied().flatten());
        let hop = match join(placed, parent) {
            Join::Begins => {
                hops.push((above, begin(index, placed, depth_of(&hops, above))));
                hops.len().checked_sub(1)
            }
            Join::Answers => answer(&mut hops, above, index),
            Join::Belongs => above,
        };
        hop_at.push(hop);
    }
    let under_way = UnderWay::of(&hops);
    let mut done: Vec<Hop> = hops
        .into_iter()
        .map(|(above, mut hop)| {
            hop.concurrency = under_way.count(above, hop.offset_ns);
            measure(lifecycle, &mut hop);
            tie(lifecycle, &mut hop);
            hop
        })
        .collect();
    done.sort_by_key(|hop| hop.offset_ns);
    done
}

/// When the hops of each parent begin and end, in order: a trace may have one parent with all of its spans, and comparing these
/// with each other would take minutes.
struct UnderWay(HashMap<Option<usize>, (Vec<u64>, Vec<u64>)>);

impl UnderWay {
    fn of(hops: &[(Option<usize>, Hop)]) -> Self {
        let mut times: HashMap<_, (Vec<u64>, Vec<u64>)> = HashMap::new();
        for (above, hop) in hops {
            let (starts, ends) = times.entry(*above).or_default();
            starts.push(hop.offset_ns);
            // What takes no time is under way as it begins.
            ends.push(hop.offset_ns.saturating_add(hop.duration_ns.max(1)));
        }
        for (starts, ends) in times.values_mut() {
            starts.sort_unstable();
            ends.sort_unstable();
        }
        Self(times)
    }

    /// Those that have begun, less those that are over.
    fn count(&self, parent: Option<usize>, at: u64) -> usize {
        let until = |times: &[u64]| times.partition_point(|time| *time <= at);
        self.0.get(&parent).map_or(0, |(starts, ends)| until(starts).saturating_sub(until(ends)))
    }
}

enum Join {
    Begins,
    Answers,
    Belongs,
}

/// As hops are counted: a client span begins one, and a server span that no client span announced. A server span right
/// under a client span answers it.
fn join(placed: &PlacedSpan, parent: Option<&PlacedSpan>) -> Join {
    let is_seen_twice = parent.is_some_and(|parent| {
        parent.span.kind == placed.span.kind && parent.span.service_name() == placed.span.service_name()
    });
    match placed.span.kind {
        SpanKind::Client | SpanKind::Server if is_seen_twice => Join::Belongs,
        SpanKind::Client => Join::Begins,
        SpanKind::Server if parent.is_some_and(|parent| parent.span.kind == SpanKind::Client) => {
            Join::Answers
        }
        SpanKind::Server => Join::Begins,
        SpanKind::Unspecified | SpanKind::Internal | SpanKind::Producer | SpanKind::Consumer => Join::Belongs,
    }
}

fn depth_of(hops: &[(Option<usize>, Hop)], above: Option<usize>) -> usize {
    above.and_then(|above| hops.get(above)).map_or(1, |(_, hop)| hop.depth + 1)
}

fn begin(index: usize, placed: &PlacedSpan, depth: usize) -> Hop {
    let is_client = placed.span.kind == SpanKind::Client;
    Hop {
        client: is_client.then_some(index),
        server: (!is_client).then_some(index),
        depth,
        offset_ns: placed.offset_ns,
        duration_ns: placed.span.duration_ns(),
        ..Hop::default()
    }
}

/// The first answer completes the hop; each further one, an attempt after it, makes one more.
fn answer(hops: &mut Vec<(Option<usize>, Hop)>, hop: Option<usize>, server: usize) -> Option<usize> {
    let index = hop?;
    let (above, announced) = hops.get_mut(index)?;
    if announced.server.is_none() {
        announced.server = Some(server);
        return Some(index);
    }
    let attempt = (*above, Hop { server: Some(server), ..announced.clone() });
    hops.push(attempt);
    hops.len().checked_sub(1)
}

fn measure(lifecycle: &Lifecycle, hop: &mut Hop) {
    let span = |place: Option<usize>| place.and_then(|place| lifecycle.spans.get(place));
    let (client, server) = (span(hop.client), span(hop.server));
    if let Some(server) = server {
        hop.self_ns = server.self_ns;
        hop.wait_ns = server.span.duration_ns().saturating_sub(server.self_ns);
    }
    let server_ns = server.map(|server| server.span.duration_ns());
    let client_ns = client.map(|client| client.span.duration_ns());
    let less = |whole: Option<u64>, part: Option<u64>| {
        whole.zip(part).map(|(whole, part)| whole.saturating_sub(part))
    };
    let sent_to_answer = client.and_then(|client| upstream_ns(&client.span));
    let application_ns = server.and_then(|server| upstream_ns(&server.span));
    hop.split = Split {
        client_proxy_ns: less(client_ns, sent_to_answer),
        network_ns: less(sent_to_answer, server_ns),
        between_ns: less(client_ns, server_ns),
        server_proxy_ns: less(server_ns, application_ns),
        application_ns,
    };
}

/// Where a trace was joined to another one the seam says more than the call, which began a trace of its own.
fn tie(lifecycle: &Lifecycle, hop: &mut Hop) {
    let ends = || [hop.client, hop.server].into_iter().flatten().filter_map(|at| lifecycle.spans.get(at));
    let is_root_of = |seam: &&Seam| {
        seam.is_joined
            && ends().any(|end| (end.span.trace_id, end.span.span_id) == (seam.trace_id, seam.span_id))
    };
    let (link, confidence) = match lifecycle.seams.iter().find(is_root_of) {
        Some(seam) => (Some(seam.kind.as_str()), Some(seam.confidence)),
        None => {
            let kind = ends().find_map(|end| end.span.link_kind());
            (kind.map(LinkKind::as_str), kind.and_then(confidence_of))
        }
    };
    (hop.link, hop.confidence) = (link, confidence);
}

/// How long the proxy waited for what it sent the request to.
fn upstream_ns(span: &Span) -> Option<u64> {
    let number =
        |key: &str| span.attribute(key).and_then(Value::as_int).and_then(|number| u64::try_from(number).ok());
    // Envoy's own figure is there for few requests; the filter's includes what the proxy did before it sent.
    number(attribute::ENVOY_UPSTREAM_FIRST_BYTE_NS).or_else(|| number(attribute::FIRST_BYTE_NS))
}

#[cfg(test)]
mod tests;
