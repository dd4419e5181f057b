//! What is patched decodes to whole traces with ids of their own.

use std::collections::BTreeSet;

use throughline_model::otlp::decode_export_request;
use throughline_model::span::Span;

use super::*;

fn send(generator: &Generator, set: u64, now_unix_ns: u64) -> Vec<Span> {
    let messages = (0..generator.senders()).map(|sender| {
        let template = generator.template(set, sender).unwrap();
        let mut message = template.bytes.clone();
        template.patch(&mut message, generator.salt(set), now_unix_ns);
        let spans = decode_export_request(&message).unwrap().spans;
        assert_eq!(spans.len(), template.spans);
        spans
    });
    messages.flatten().collect()
}

#[test]
fn every_set_has_whole_traces_of_its_own_at_the_time_of_sending() {
    const NOW: u64 = 1_800_000_000_000_000_000;
    for shape in [Shape::Together(25), Shape::BySender(8)] {
        let generator = Generator::new(shape, 7).unwrap();
        let mut seen = BTreeSet::new();
        for set in [0, 1, VARIANTS, VARIANTS + 1] {
            let spans = send(&generator, set, NOW);
            let traces: BTreeSet<TraceId> = spans.iter().map(|span| span.trace_id).collect();
            assert_eq!(traces.iter().copied().collect::<Vec<_>>(), generator.trace_ids(set));
            assert_eq!(spans.len(), traces.len() * SPANS_PER_TRACE);
            assert!(traces.iter().all(|trace| seen.insert(*trace)), "a trace came twice");
            let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id).collect();
            assert_eq!(ids.len(), spans.len());
            assert!(spans.iter().all(|span| span.parent_span_id.is_none_or(|parent| ids.contains(&parent))));
            assert!(spans.iter().all(|span| (NOW..NOW + 2_000_000_000).contains(&span.start_unix_ns)));
            assert!(spans.iter().all(|span| span.start_unix_ns < span.end_unix_ns));
        }
    }
}
