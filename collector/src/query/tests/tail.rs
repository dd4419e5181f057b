//! The tail as a reader meets it; every event is held against the OpenAPI document.

use super::*;

/// The next event or comment of a tail, as the OpenAPI document describes it; `None` when it has ended.
async fn next_frame(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("the tail is silent")?;
    let frame = frame.unwrap().into_data().unwrap();
    described::check("GET", "/api/v1/tail", 200, "text/event-stream", &frame);
    Some(String::from_utf8(frame.to_vec()).unwrap())
}

#[tokio::test]
async fn tells_each_quiet_trace_to_the_readers_of_the_tail_and_ends() {
    let collector = Collector::with(Vec::new());
    let response = collector.ask("GET", "/api/v1/tail").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    assert!(next_frame(&mut body).await.unwrap().starts_with(':'));
    collector.store.insert(pair_of_hops(1));
    let event = next_frame(&mut body).await.unwrap();
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert!(event.lines().any(|line| line == "event: trace"), "{event}");
    assert_eq!(
        serde_json::from_str::<Json>(data).unwrap(),
        collector.json("/api/v1/traces").await["traces"][0]
    );
    collector.state.end_tails();
    assert_eq!(next_frame(&mut body).await, None);
}

#[tokio::test]
async fn tells_readers_of_the_tail_what_they_ask_for_and_no_more_than_that() {
    let collector = Collector::with(Vec::new());
    let mut failures = collector.ask("GET", "/api/v1/tail?errors=true&service=cart").await.into_body();
    let mut few = collector.ask("GET", "/api/v1/tail?max_per_second=1").await.into_body();
    for body in [&mut failures, &mut few] {
        assert!(next_frame(body).await.unwrap().starts_with(": following"));
    }
    let mut failed = pair_of_hops(3);
    failed[2].status = SpanStatus::Error;
    collector.store.insert([pair_of_hops(1), pair_of_hops(2), failed].concat());
    let event = next_frame(&mut failures).await.unwrap();
    assert!(event.contains(&trace_id(3).to_hex()), "{event}");
    let event = next_frame(&mut few).await.unwrap();
    assert!(event.contains(&trace_id(1).to_hex()), "{event}");
    collector.wait_for_totals(3, 0).await;
    // The second in which two were kept back is over when the next one goes quiet.
    collector.store.insert(pair_of_hops(4));
    assert!(next_frame(&mut few).await.unwrap().starts_with(": 2 traces skipped: more than 1 came"));
    assert!(next_frame(&mut few).await.unwrap().contains(&trace_id(4).to_hex()));
}

#[tokio::test]
async fn keeps_back_a_trace_of_which_a_part_may_be_on_its_way() {
    let collector = Collector::with(Vec::new());
    let mut body = collector.ask("GET", "/api/v1/tail").await.into_body();
    assert!(next_frame(&mut body).await.unwrap().starts_with(": following"));
    let mut spans = pair_of_hops(1);
    let late = spans.remove(1);
    spans.extend(pair_of_hops(2));
    // Both go quiet at one moment and are read in this order.
    collector.store.insert(spans);
    let event = next_frame(&mut body).await.unwrap();
    assert!(event.contains(&trace_id(2).to_hex()), "{event}");
    assert_eq!(collector.json("/api/v1/status").await["traces_incomplete"], json!(0));
    collector.store.insert(vec![late]);
    collector.wait_for_totals(2, 0).await;
}

#[tokio::test]
async fn tells_a_slow_reader_of_the_tail_what_it_lost() {
    let collector = Collector::with(Vec::new());
    let mut body = collector.ask("GET", "/api/v1/tail?max_per_second=10000").await.into_body();
    assert!(next_frame(&mut body).await.unwrap().starts_with(": following"));
    let many = (1..=5000u64).map(|number| {
        let trace_id = TraceId::from_bytes(&[number.to_be_bytes(); 2].concat()).unwrap();
        Span { trace_id, ..span(1, 1, 0, SpanKind::Server, "gateway") }
    });
    collector.store.insert(many.collect());
    collector.wait_for_totals(5000, 0).await;
    assert!(next_frame(&mut body).await.unwrap().starts_with(": 904 traces skipped"));
    assert!(next_frame(&mut body).await.unwrap().starts_with("event: trace"));
    assert_eq!(collector.counters.tail_summaries_skipped.get(), 904);
}

#[tokio::test]
async fn limits_the_readers_of_the_tail() {
    let collector = Collector::with(Vec::new());
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(collector.ask("GET", "/api/v1/tail").await);
    }
    assert!(readers.iter().all(|response| response.status() == StatusCode::OK));
    collector.check_problem("/api/v1/tail", 503, "close one").await;
    readers.pop();
    assert_eq!(collector.ask("GET", "/api/v1/tail").await.status(), StatusCode::OK);
}
