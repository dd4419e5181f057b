//! OTLP over HTTP.

use throughline_model::span::Value;

use super::*;

fn request(body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/v1/traces");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

async fn post(fixture: &Fixture, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
    call(http_router(fixture.ingest.clone()), request(body, headers)).await
}

/// The words of a `google.rpc.Status`: code, then message.
fn status_words(body: &[u8]) -> (u8, String) {
    assert_eq!((body[0], body[2]), (0x08, 0x12), "{body:?}");
    let (length, start) = if body[3] < 0x80 {
        (body[3] as usize, 4)
    } else {
        ((body[3] & 0x7f) as usize + ((body[4] as usize) << 7), 5)
    };
    (body[1], String::from_utf8(body[start..start + length].to_vec()).unwrap())
}

#[tokio::test]
async fn keeps_a_batch_and_answers_with_an_empty_response() {
    let (fixture, store) = Fixture::with_memory();
    let answer = post(&fixture, batch(1..=3), &[PROTOBUF]).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
    assert_eq!(store.stats().spans_live, 3);
    assert_eq!(fixture.counters.spans_received.get(), 3);
    assert_eq!(fixture.counters.batches_received.get(), 1);
    assert_eq!(fixture.counters.bytes_received.get(), batch(1..=3).len() as u64);
}

#[tokio::test]
async fn takes_gzip_and_parameters_of_the_content_type() {
    let (fixture, store) = Fixture::with_memory();
    let with_parameter = ("content-type", "Application/X-Protobuf; charset=utf-8");
    let answer = post(&fixture, gzip(&batch(1..=2)), &[with_parameter, GZIP]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(store.stats().spans_live, 2);
}

#[tokio::test]
async fn an_empty_batch_is_taken() {
    let (fixture, store) = Fixture::with_memory();
    assert_eq!(post(&fixture, Body::empty(), &[PROTOBUF]).await.status, StatusCode::OK);
    assert_eq!(store.stats().spans_live, 0);
}

#[tokio::test]
async fn a_bad_span_is_rejected_alone_and_counted() {
    let (fixture, store) = Fixture::with_memory();
    let answer = post(&fixture, partly_bad_batch(), &[PROTOBUF]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(String::from_utf8_lossy(&answer.body).contains("trace_id"), "{:?}", answer.body);
    assert_eq!(store.stats().spans_live, 1);
    assert_eq!(fixture.counters.spans_rejected.sum(), 1);
}

/// The same trace again and again, so that the store keeps one span.
#[tokio::test]
async fn spans_beyond_the_limit_of_a_message_are_rejected_with_the_reason_and_counted() {
    let (fixture, _store) = Fixture::with_memory();
    let answer = post(&fixture, batch(1..=1).repeat(100_002), &[PROTOBUF]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let words = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(words.contains("a message may have 100,000 spans; send smaller batches"), "{words}");
    let metrics = fixture.counters.encode().unwrap();
    assert!(metrics.contains("throughline_spans_rejected_total{reason=\"too-many\"} 2"), "{metrics}");
}

#[tokio::test]
async fn what_is_left_out_of_a_span_is_counted_and_told_to_the_sender() {
    let (fixture, store) = Fixture::with_memory();
    let mut span = contract::span(1, 1, "cart", 100);
    let attribute = span.resource.attributes[0].clone();
    span.attributes = vec![attribute; 1_030];
    let answer = post(&fixture, encode_export_request(&[span]), &[PROTOBUF]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let words = "6 attributes, events, links or nested values over the limits left out";
    assert!(String::from_utf8_lossy(&answer.body).contains(words), "{:?}", answer.body);
    assert_eq!(fixture.counters.span_parts_cut.get(), 6);
    assert_eq!(fixture.counters.spans_rejected.sum(), 0);
    let kept = &store.trace(contract::trace_id(1)).unwrap()[0];
    assert_eq!(kept.attributes.len(), 1_024 + 1);
    assert_eq!(kept.attribute("throughline.cut"), Some(&Value::Int(6)));
}

#[tokio::test]
async fn what_is_left_out_of_a_span_in_json_is_counted_marked_and_told_too() {
    let (fixture, store) = Fixture::with_memory();
    let attributes = vec![r#"{"key": "key", "value": {"intValue": "1"}}"#; 1_030].join(", ");
    let trace_id = contract::trace_id(1).to_hex();
    let span =
        format!(r#"{{"traceId": "{trace_id}", "spanId": "00f067aa0ba902b7", "attributes": [{attributes}]}}"#);
    let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}"#);
    let answer = post(&fixture, body, &[("content-type", "application/json")]).await;
    let words = r#"{"partialSuccess":{"errorMessage":"6 attributes, events, links or nested values over the limits left out","rejectedSpans":"0"}}"#;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, words.as_bytes()));
    assert_eq!((fixture.counters.span_parts_cut.get(), fixture.counters.spans_rejected.sum()), (6, 0));
    let kept = &store.trace(contract::trace_id(1)).unwrap()[0];
    assert_eq!(kept.attribute("throughline.cut"), Some(&Value::Int(6)));
}

async fn check_refused(body: &[u8], headers: &[(&str, &str)], status: u16, reason: &str, words: &str) {
    let (fixture, _store) = Fixture::with_memory();
    let answer = post(&fixture, body.to_vec(), headers).await;
    assert_eq!(answer.status.as_u16(), status, "{words}");
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
    let (code, found_words) = status_words(&answer.body);
    assert_eq!(code, 3, "{words}");
    assert!(found_words.contains(words), "{found_words}");
    assert!(fixture.refused(reason), "{reason} is not counted");
}

#[tokio::test]
async fn refuses_with_the_code_and_the_words_for_each_reason() {
    let brotli = ("content-encoding", "br");
    let bytes = gzip(&batch(1..=1));
    let cut = &bytes[..bytes.len() / 2];
    check_refused(b"\x0a\xff", &[PROTOBUF], 400, "malformed", "ends inside a field").await;
    check_refused(b"\x08\x01", &[PROTOBUF], 400, "malformed", "wrong wire type").await;
    check_refused(b"not gzip", &[PROTOBUF, GZIP], 400, "malformed", "not gzip").await;
    check_refused(cut, &[PROTOBUF, GZIP], 400, "malformed", "not gzip").await;
    check_refused(b"", &[PROTOBUF, brotli], 415, "wrong-type", "`br` is not taken; send gzip").await;
}

#[tokio::test]
async fn unknown_types_are_told_what_is_taken() {
    let (fixture, _store) = Fixture::with_memory();
    for headers in [&[][..], &[("content-type", "text/plain")]] {
        let none = post(&fixture, "x", headers).await;
        assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let words = "send application/x-protobuf or application/json";
        assert!(String::from_utf8_lossy(&none.body).contains(words), "{:?}", none.body);
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_compressed_or_not() {
    let config = || Config { max_message_bytes: 10_000, ..any_clock() };
    let bomb = gzip(&vec![0; 50_000_000]);
    let bodies = [(vec![0; 10_001], &[PROTOBUF][..]), (gzip(&vec![0; 10_001]), &[PROTOBUF, GZIP])];
    for (body, headers) in bodies {
        let fixture = Fixture::new(Arc::new(MemoryStore::new()), config());
        let answer = post(&fixture, body, headers).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(status_words(&answer.body).1.contains("10000 bytes; send smaller batches"));
        assert!(fixture.refused("too-large"));
    }
    let larger = Config { max_message_bytes: 1_000_000, ..any_clock() };
    let fixture = Fixture::new(Arc::new(MemoryStore::new()), larger);
    assert_eq!(post(&fixture, bomb, &[PROTOBUF, GZIP]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Without a length in the headers the limit is noticed while reading.
    let fixture = Fixture::new(Arc::new(MemoryStore::new()), config());
    let unsized_body = Body::new(Body::from(vec![0; 20_000]).map_frame(|frame| frame));
    assert_eq!(post(&fixture, unsized_body, &[PROTOBUF]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_busy_store_says_when_to_try_again_and_a_failed_one_that_it_failed() {
    let fixture = Fixture::new(busy(), any_clock());
    let answer = post(&fixture, batch(1..=1), &[PROTOBUF]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
    assert!(fixture.refused("busy"));
    assert_eq!(fixture.counters.spans_received.get(), 0);
    let fixture = Fixture::new(failed(), any_clock());
    let answer = post(&fixture, batch(1..=1), &[PROTOBUF]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(status_words(&answer.body), (14, "store failed: no disk".to_owned()));
    assert!(fixture.refused("failed"));
}

#[tokio::test]
async fn too_many_bytes_at_the_same_time_are_refused_and_given_back() {
    let config = Config { max_bytes_in_flight: 4_096, ..any_clock() };
    let store = Arc::new(MemoryStore::new());
    let fixture = Fixture::new(store.clone(), config);
    let held = fixture.ingest.budget.take(4_096, Peer::from(std::net::IpAddr::from([10, 0, 0, 1]))).unwrap();
    assert_eq!(post(&fixture, batch(1..=1), &[PROTOBUF]).await.status, StatusCode::TOO_MANY_REQUESTS);
    drop(held);
    for _ in 0..10 {
        assert_eq!(post(&fixture, batch(1..=1), &[PROTOBUF]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_sender_that_does_not_finish_is_given_up() {
    let config = Config { body_timeout: Duration::from_millis(1), ..any_clock() };
    let fixture = Fixture::new(Arc::new(MemoryStore::new()), config);
    let answer = post(&fixture, Body::new(NeverEnding), &[PROTOBUF]).await;
    // OTLP/HTTP, "Failures": senders try again after 429, 502, 503 and 504, and after no other status.
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert!(fixture.refused("broken-off"));
}

/// A body of which nothing ever arrives.
struct NeverEnding;

impl http_body::Body for NeverEnding {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_told_where_to_go() {
    let (fixture, _store) = Fixture::with_memory();
    let router = || http_router(fixture.ingest.clone());
    let elsewhere = call(router(), Request::post("/v1/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert!(String::from_utf8_lossy(&elsewhere.body).contains("POST /v1/traces"));
    let get = call(router(), Request::get("/v1/traces").body(Body::empty()).unwrap()).await;
    assert_eq!((get.status, get.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
}

#[tokio::test]
async fn takes_json_and_answers_in_json() {
    let (fixture, store) = Fixture::with_memory();
    let json = ("content-type", "application/json; charset=utf-8");
    let answer = post(&fixture, crate::ingest::json::tests::EXAMPLE, &[json]).await;
    assert_eq!(
        (answer.status, answer.header("content-type"), &answer.body[..]),
        (StatusCode::OK, "application/json", &b"{}"[..])
    );
    let compressed = gzip(crate::ingest::json::tests::EXAMPLE.as_bytes());
    assert_eq!(post(&fixture, compressed, &[json, GZIP]).await.status, StatusCode::OK);
    assert_eq!((store.stats().spans_live, fixture.counters.spans_received.get()), (2, 2));
    let bad = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "x"}]}]}]}"#;
    let answer = post(&fixture, bad, &[json]).await;
    let words = r#"{"partialSuccess":{"errorMessage":"traceId is not 32 hexadecimal digits, or all zero","rejectedSpans":"1"}}"#;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, words.as_bytes()));
    let answer = post(&fixture, "{", &[json]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::BAD_REQUEST, "application/json"));
    assert!(
        String::from_utf8_lossy(&answer.body).contains("the body is not OTLP as JSON: EOF"),
        "{:?}",
        answer.body
    );
}

#[tokio::test]
async fn takes_zstd_and_refuses_what_would_take_too_much_memory() {
    let (fixture, store) = Fixture::with_memory();
    let zstd = ("content-encoding", "zstd");
    let compressed = zstd::encode_all(&batch(1..=2)[..], 3).unwrap();
    assert_eq!(post(&fixture, compressed, &[PROTOBUF, zstd]).await.status, StatusCode::OK);
    assert_eq!(store.stats().spans_live, 2);
    let bomb = zstd::encode_all(&vec![0; 50_000_000][..], 3).unwrap();
    assert_eq!(post(&fixture, bomb, &[PROTOBUF, zstd]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // A frame that asks for a window of 2 GiB and holds one empty block.
    let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    check_refused(&wide, &[PROTOBUF, zstd], 400, "malformed", "not zstd").await;
    check_refused(b"plain", &[PROTOBUF, zstd], 400, "malformed", "not zstd").await;
}

#[tokio::test]
async fn spans_of_a_wrong_clock_are_rejected_with_the_reason_and_the_others_kept() {
    let store = Arc::new(MemoryStore::new());
    let fixture = Fixture::new(store.clone(), Config::default());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let day_ns = 86_400_000_000_000;
    let starts = [now, 0, now - 8 * day_ns, now - 6 * day_ns, now + day_ns, now + 60_000_000_000];
    let mut spans: Vec<Span> =
        (1..).zip(starts).map(|(trace, start)| contract::span(trace, 1, "cart", start)).collect();
    // One of which only the end is no time, and would be the longest request of all times.
    spans.push(Span { end_unix_ns: u64::MAX, ..contract::span(9, 1, "cart", now) });
    let answer = post(&fixture, encode_export_request(&spans), &[PROTOBUF]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let words = "2 spans start more than 604800 s ago and 2 start or end more than 3600 s in the future";
    assert!(String::from_utf8_lossy(&answer.body).contains(words), "{:?}", answer.body);
    assert_eq!((store.stats().spans_live, fixture.counters.spans_received.get()), (3, 3));
    let metrics = fixture.counters.encode().unwrap();
    for line in ["{reason=\"too-old\"} 2", "{reason=\"in-the-future\"} 2"] {
        assert!(metrics.contains(&format!("throughline_spans_rejected_total{line}")), "{line}");
    }
}

#[tokio::test]
async fn spans_of_a_trace_that_is_large_enough_are_rejected_with_the_reason_and_the_others_kept() {
    let store = Arc::new(MemoryStore::new());
    let config = Config { max_trace_spans: 3, ..any_clock() };
    let fixture = Fixture::new(store.clone(), config.clone());
    let send = async |spans: &[(u64, u64)]| {
        let spans: Vec<Span> =
            spans.iter().map(|(trace, id)| contract::span(*trace, *id, "cart", 100)).collect();
        post(&fixture, encode_export_request(&spans), &[PROTOBUF]).await
    };
    assert_eq!(send(&[(1, 1), (1, 2), (1, 3)]).await.body, "");
    let answer = send(&[(1, 4), (2, 1), (1, 5)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let words = "2 spans belong to traces that have 3 spans already (max_trace_spans)";
    assert!(String::from_utf8_lossy(&answer.body).contains(words), "{:?}", answer.body);
    assert_eq!((store.stats().spans_live, fixture.counters.spans_received.get()), (4, 4));
    let metrics = fixture.counters.encode().unwrap();
    assert!(metrics.contains("throughline_spans_rejected_total{reason=\"trace-too-large\"} 2"), "{metrics}");
    fixture.ingest.set_limits(&Config { max_trace_spans: 9, ..config });
    assert_eq!(send(&[(1, 6)]).await.body, "", "a larger bound is taken at once");
}

#[tokio::test]
async fn a_batch_that_was_not_kept_does_not_count_as_spans_of_its_trace() {
    let fixture = Fixture::new(busy(), Config { max_trace_spans: 1, ..any_clock() });
    for _ in 0..3 {
        assert_eq!(post(&fixture, batch(1..=1), &[PROTOBUF]).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test]
async fn one_sender_may_hold_only_its_share_and_leaves_the_others_room() {
    let budget = body::Budget::new(400_000);
    let peers = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|address| Peer::from(std::net::IpAddr::from(address)));
    let first = budget.take(90_000, peers[0]).unwrap();
    let refused = budget.take(90_000, peers[0]).unwrap_err();
    assert!(refused.words().contains("this sender waits for the answers"), "{}", refused.words());
    let others: Vec<_> = (0..3).map(|_| budget.take(20_000, peers[1]).unwrap()).collect();
    drop(first);
    // Alone, a sender may take more than its share: waiting would not help it.
    let large = budget.take(300_000, peers[0]).unwrap();
    assert!(budget.take(90_000, peers[1]).is_err(), "all is taken");
    drop((large, others));
    assert!(budget.take(1_000_000, peers[0]).is_ok(), "more than all waits for all of it");
}
