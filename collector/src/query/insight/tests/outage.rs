//! Two times against each other while services fail, and while spans are on their way.

use serde_json::{Value as Json, json};
use throughline_model::id::TraceId;
use throughline_model::span::{Span, SpanKind, StatusCode};

use super::{SECOND, in_role, with_address};
use crate::query::tests::{Collector, START, span};
use crate::query::timestamp;

const TRACES_A_SECOND: u64 = 3;
const OUTAGE_S: u64 = 330;
const ALL_S: u64 = 3_900;

fn moment(unix_ns: u64) -> String {
    format!("{}Z", timestamp::format_utc(unix_ns).replace(' ', "T"))
}

/// checkout -> payment, begun at a time.
fn call(number: u64, start_unix_ns: u64) -> Vec<Span> {
    let mut spans = vec![
        in_role(span(1, 1, 0, SpanKind::Server, "checkout"), "inbound", "propagated"),
        with_address(
            in_role(span(1, 2, 1, SpanKind::Client, "checkout"), "outbound", "propagated"),
            "payment.shop.svc.cluster.local",
        ),
        in_role(span(1, 3, 2, SpanKind::Server, "payment"), "inbound", "propagated"),
    ];
    for (depth, span) in (0..).zip(&mut spans) {
        span.trace_id = TraceId::from_bytes(&u128::from(number + 1).to_be_bytes()).unwrap();
        span.start_unix_ns = start_unix_ns + depth * 1_000_000;
        span.end_unix_ns = start_unix_ns + (20 - depth) * 1_000_000 + number % 7 * 1_000;
    }
    spans
}

/// An hour and five minutes of traffic, at the end of which payment has failed for five and a half minutes.
fn outage() -> Collector {
    let collector = Collector::with(Vec::new());
    for second in 0..ALL_S {
        let calls = (0..TRACES_A_SECOND).flat_map(|part| {
            let number = second * TRACES_A_SECOND + part;
            let mut spans = call(number, START + second * SECOND + part * SECOND / TRACES_A_SECOND);
            if second >= ALL_S - OUTAGE_S && number % 5 < 2 {
                spans.iter_mut().for_each(|span| span.status = StatusCode::Error);
            }
            spans
        });
        collector.insert(calls.collect());
    }
    collector
}

fn covered_s(sample: &Json) -> u64 {
    let at = |end: &str| sample["covered"][end].as_str().unwrap().parse::<u64>().unwrap();
    (at("last_unix_ns") - at("first_unix_ns")) / SECOND
}

/// As with 500 traces at 15 a second: the newest of the hour before are all of the outage.
#[tokio::test]
async fn a_steady_outage_is_no_all_clear() {
    let collector = outage();
    let (since, until) = (moment(START + 3_600 * SECOND), moment(START + ALL_S * SECOND));
    let query = format!("since={since}&until={until}&limit=90");
    let compared = collector.json(&format!("/api/v1/compare?{query}")).await;
    let counts = (&compared["traces"], &compared["baseline_traces"], &compared["regression"]);
    assert_eq!(counts, (&json!(90), &json!(90), &json!(true)), "{compared}");
    let shifts = compared["shifts"].as_array().unwrap();
    assert!(shifts.iter().any(|shift| shift["server"] == "payment" && shift["measure"] == "errors"));
    for (sample, least_s) in [("sample", 270), ("baseline_sample", 3_240)] {
        let told = &compared[sample];
        assert_eq!((&told["places"], &told["cut"]), (&json!(12), &json!(true)), "{told}");
        assert!(covered_s(told) >= least_s, "{told}");
    }
    let ranked = collector.json(&format!("/api/v1/suspects?{query}")).await;
    let first = &ranked["services"][0];
    assert_eq!(first["service"], "payment", "{ranked}");
    assert!(first["score"].as_f64().unwrap() > 0.1, "{ranked}");
    assert_eq!(ranked["baseline_sample"]["places"], json!(12));
}

#[tokio::test]
async fn without_a_baseline_nobody_is_accused() {
    let collector =
        Collector::with((0..20).flat_map(|number| call(number, START + number * SECOND)).collect());
    let query = format!("since={}&until={}", moment(START - SECOND), moment(START + 60 * SECOND));
    let ranked = collector.json(&format!("/api/v1/suspects?{query}")).await;
    assert_eq!((&ranked["traces"], &ranked["baseline_traces"]), (&json!(20), &json!(0)));
    assert_eq!((&ranked["services"], &ranked["edges"]), (&json!([]), &json!([])));
    assert_eq!(ranked["baseline_sample"]["covered"], json!(null));
}

/// The newest traces are of a clock that is ahead, so that they stay new however slow the machine is.
#[tokio::test]
async fn a_callee_whose_span_is_on_its_way_is_no_new_edge() {
    let now = timestamp::now_unix_ns();
    let (before, ahead) = (now - 600 * SECOND, now + 600 * SECOND);
    let mut spans: Vec<Span> = (0..40).flat_map(|number| call(number, before + number * SECOND)).collect();
    spans.extend((100..130).flat_map(|number| call(number, ahead + (number - 100) * SECOND)));
    spans.extend(
        (200..230).flat_map(|number| call(number, ahead + (number - 200) * SECOND).into_iter().take(2)),
    );
    let collector = Collector::with(spans);
    let times = format!(
        "since={}&baseline_since={}&baseline_until={}",
        moment(ahead),
        moment(before),
        moment(before + 60 * SECOND)
    );
    let compared = collector.json(&format!("/api/v1/compare?{times}")).await;
    assert_eq!((&compared["new_edges"], &compared["lost_edges"]), (&json!([]), &json!([])), "{compared}");
    assert_eq!((&compared["traces"], &compared["sample"]["unsettled"]), (&json!(30), &json!(30)));
    let ranked = collector.json(&format!("/api/v1/suspects?{times}")).await;
    let services: Vec<_> = ranked["services"].as_array().unwrap().iter().map(|one| &one["service"]).collect();
    assert_eq!(services.len(), 2, "{services:?}");
    // A call that has had no answer for long is one to a host without a proxy, and stays in.
    let answered = format!("since={}&until={}", moment(before), moment(before + 60 * SECOND));
    let mut lone = call(300, before + 50 * SECOND);
    lone.truncate(2);
    collector.insert(lone);
    let compared = collector.json(&format!("/api/v1/compare?{answered}")).await;
    assert_eq!((&compared["traces"], &compared["sample"]["unsettled"]), (&json!(41), &json!(0)));
}
