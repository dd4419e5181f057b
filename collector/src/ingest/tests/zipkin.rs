//! Zipkin's JSON over HTTP.

use super::*;

async fn post(fixture: &Fixture, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    call(zipkin_router(fixture.ingest.clone()), request.body(Body::from(body.to_owned())).unwrap()).await
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
