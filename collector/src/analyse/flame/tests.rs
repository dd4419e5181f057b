//! Sums of critical paths by hand and by their properties.

use proptest::prelude::*;
use throughline_model::span::{Span, SpanKind};

use super::{Flame, MAX_DEPTH};
use crate::analyse::fixture::{any_spans, assembled, span};

use SpanKind::{Client, Server};

/// a calls b and then c.
fn trace(b_ns: u64) -> Vec<Span> {
    vec![
        span(1, 0, Server, "a", (0, 100 + b_ns)),
        span(2, 1, Client, "a", (10, 20 + b_ns)),
        span(3, 2, Server, "b", (15, 15 + b_ns)),
        span(4, 1, Server, "c", (50 + b_ns, 90 + b_ns)),
    ]
}

/// Each frame as `depth service kind own/total traces`.
fn told(flame: &Flame) -> Vec<String> {
    let one = |frame: &super::Frame| {
        let (name, kind) = (&frame.name.service, frame.name.kind.as_str());
        format!("{} {name} {kind} {}/{} {}", frame.depth, frame.self_ns, frame.total_ns, frame.traces)
    };
    flame.frames.iter().map(one).collect()
}

#[test]
fn adds_up_the_same_work_of_several_traces() {
    let mut flame = Flame::default();
    flame.add(&assembled(trace(100)));
    flame.add(&assembled(trace(300)));
    assert_eq!((flame.traces, flame.total_ns), (2, 600));
    assert_eq!(
        told(&flame),
        ["0 a server 100/600 2", "1 a client 20/420 2", "2 b server 400/400 2", "1 c server 80/80 2"]
    );
    assert!((flame.share(&flame.frames[1]) - 0.7).abs() < 1e-9);
}

#[test]
fn leaves_out_what_was_not_waited_for() {
    let mut flame = Flame::default();
    flame.add(&assembled(vec![
        span(1, 0, Server, "a", (0, 100)),
        span(2, 1, Server, "b", (10, 90)),
        span(3, 1, Server, "c", (10, 50)),
    ]));
    assert_eq!(told(&flame), ["0 a server 20/100 1", "1 b server 80/80 1"]);
}

#[test]
fn counts_what_lies_too_deep_as_its_last_ancestor() {
    let mut flame = Flame::default();
    let spans = (1..=300).map(|id| span(id, id - 1, Server, "a", (id, 1000 - id)));
    flame.add(&assembled(spans.collect()));
    assert_eq!(flame.frames.len(), MAX_DEPTH + 1);
    assert_eq!(flame.frames.iter().map(|frame| frame.self_ns).sum::<u64>(), flame.total_ns);
    assert_eq!(flame.frames.last().map(|frame| frame.self_ns == frame.total_ns), Some(true));
}

proptest! {
    #[test]
    fn own_times_are_all_time(traces in proptest::collection::vec(any_spans(), 0..4)) {
        let mut flame = Flame::default();
        traces.into_iter().for_each(|spans| flame.add(&assembled(spans)));
        prop_assert_eq!(flame.frames.iter().map(|frame| frame.self_ns).sum::<u64>(), flame.total_ns);
        for (index, frame) in flame.frames.iter().enumerate() {
            let below: u64 = flame.frames.iter().filter(|other| other.caller == Some(index)).map(|f| f.total_ns).sum();
            prop_assert_eq!(frame.self_ns + below, frame.total_ns);
        }
    }
}
