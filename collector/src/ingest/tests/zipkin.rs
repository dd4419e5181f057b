//! Zipkin's JSON over HTTP.

use throughline_model::span::Value;

use super::*;

async fn post(fixture: &Fixture, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    call(zipkin_router(fixture.ingest.clone()), request).await
}

async fn post_compressed(fixture: &Fixture, body: Vec<u8>, encoding: &str) -> Answer {
    let request = Request::post("/api/v2/spans").header("content-type", "application/json");
    let request = request.header("content-encoding", encoding).body(Body::from(body)).unwrap();
    call(zipkin_router(fixture.ingest.clone()), request).await
}

#[tokio::test]
async fn takes_gzip_and_zstd() {
    let (fixture, store) = Fixture::with_memory();
    let example = crate::ingest::zipkin::tests::EXAMPLE.as_bytes();
    let (gzip, zstd) = (gzip(example), zstd::encode_all(example, 3).unwrap());
    assert_eq!(post_compressed(&fixture, gzip, "gzip").await.status, StatusCode::ACCEPTED);
    assert_eq!(store.stats().spans_live, 2);
    assert_eq!(post_compressed(&fixture, zstd, "zstd").await.status, StatusCode::ACCEPTED);
    assert_eq!(fixture.counters.spans_received.get(), 4);
}

#[tokio::test]
async fn what_is_left_out_of_a_span_is_counted_marked_and_told() {
    let (fixture, store) = Fixture::with_memory();
    let tags: Vec<String> = (0..1_030).map(|number| format!("\"key.{number}\": \"value\"")).collect();
    let span = format!(
        r#"[{{"traceId": "{}", "id": "90394f6bcffb5d13", "tags": {{{}}}}}]"#,
        contract::trace_id(1).to_hex(),
        tags.join(", ")
    );
    let answer = post(&fixture, "/api/v2/spans", &span).await;
    let words = "6 attributes, events, links or nested values over the limits left out\n";
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::ACCEPTED, words.as_bytes()));
    assert_eq!((fixture.counters.span_parts_cut.get(), fixture.counters.spans_rejected.sum()), (6, 0));
    let kept = &store.trace(contract::trace_id(1)).unwrap()[0];
    assert_eq!(kept.attribute("throughline.cut"), Some(&Value::Int(6)));
}

#[tokio::test]
async fn keeps_spans_and_says_what_it_does_not_keep() {
    let (fixture, store) = Fixture::with_memory();
    let path = "/api/v2/spans";
    let answer = post(&fixture, path, crate::ingest::zipkin::tests::EXAMPLE).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0));
    assert_eq!((store.stats().spans_live, store.services().unwrap()), (2, vec!["api".to_owned()]));
    let half = r#"[{"traceId": "80f1da5e10147517", "id": "90394f6bcffb5d13"}, {"traceId": "1", "id": "2"}]"#;
    let answer = post(&fixture, path, half).await;
    let words = "1 spans were rejected: traceId is not 16 or 32 hexadecimal digits, or all zero\n";
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::ACCEPTED, words.as_bytes()));
    let none = post(&fixture, path, r#"[{"traceId": "1", "id": "2"}]"#).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.counters.spans_rejected.sum(), 2);
    let answer = post(&fixture, path, "{}").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        String::from_utf8_lossy(&answer.body).contains("not a list of Zipkin spans"),
        "{:?}",
        answer.body
    );
    assert!(fixture.refused("malformed"));
    assert_eq!(post(&fixture, "/api/v1/spans", "[]").await.status, StatusCode::NOT_FOUND);
    let busy = post(&Fixture::new(busy(), any_clock()), path, crate::ingest::zipkin::tests::EXAMPLE).await;
    assert_eq!((busy.status, busy.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
}
