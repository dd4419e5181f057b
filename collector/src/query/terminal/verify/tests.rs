//! Marks are valid contexts, wrong usage is told, and the probe's own absence is no gap.

use serde_json::json;

use super::*;

#[test]
fn a_mark_is_a_trace_context() {
    let mark = Mark::new();
    assert_eq!(mark.traceparent(Recording::On).len(), 55);
    assert!(
        mark.traceparent(Recording::On).ends_with("-01") && mark.traceparent(Recording::Off).ends_with("-00")
    );
    assert_ne!(mark, Mark::new());
}

#[test]
fn wrong_usage_tells_what_is_right() {
    let words =
        |entry: &str, header: &str| Probe::new(entry, None, &[header.to_owned()]).unwrap_err().to_string();
    assert!(words("https://a/", "a: b").contains("write http://HOST:PORT/PATH"));
    assert!(words("http://a/", "a").contains("write NAME: VALUE"));
}

#[test]
fn the_median_is_the_middle() {
    let times = [30, 10, 20].map(Duration::from_nanos).to_vec();
    assert_eq!((overhead::median(times), overhead::median(Vec::new())), (20, 0));
}

#[test]
fn the_parent_that_this_command_is_does_not_count_as_missing() {
    let mark = Mark::new();
    let span = |id: &str, parent: &str| {
        json!({"span_id": id, "parent_span_id": parent, "service": "gateway", "name": "GET", "kind": "server",
            "start_unix_ns": "1", "offset_ns": 0, "clock_correction_ns": 0, "duration_ns": 1, "self_ns": 1,
            "level": 0, "status": "unset", "status_message": "", "link": null, "trace_depth": null, "path": null, "missing_parent": true,
            "attributes": {}, "events": [], "resource": {}})
    };
    let gap = |id: &str| {
        json!({"span_id": id, "service": "gateway", "reason": "missing-parent", "cause": "late",
            "detail": "x"})
    };
    let trace = |spans: Vec<serde_json::Value>, gaps: Vec<serde_json::Value>| -> Trace {
        let summary = json!({"trace_id": mark.trace_id(), "start_unix_ns": "1", "duration_ns": 1, "root": null,
            "services": ["gateway"], "spans": spans.len(), "hops": 1, "errors": 0, "depth": 1, "link": null,
            "complete": false, "gaps": gaps.len()});
        let whole = json!({"summary": summary, "spans": spans, "omitted_spans": 0, "gaps": gaps});
        without_probe(serde_json::from_value(whole).unwrap(), &mark)
    };
    let entry = span("00000000000000aa", mark.span_id());
    let whole = trace(vec![entry.clone()], vec![gap("00000000000000aa")]);
    assert!(whole.summary.complete && whole.gaps.is_empty() && !whole.spans[0].missing_parent);
    let mut call = entry.clone();
    call["kind"] = json!("client");
    let unanswered = trace(vec![call], vec![gap("00000000000000aa")]);
    assert_eq!(unanswered.gaps[0].reason, "no-server-span");
    let other = span("00000000000000bb", "00000000000000cc");
    let torn = trace(vec![entry, other], vec![gap("00000000000000aa"), gap("00000000000000bb")]);
    assert!(!torn.summary.complete && torn.gaps.len() == 1);
}
