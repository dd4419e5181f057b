//! OTLP over gRPC, message by message; the wire is tested in `connections`.

use super::*;

/// A message with its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend((message.len() as u32).to_be_bytes());
    bytes.extend(message);
    bytes
}

pub(super) fn request(body: Vec<u8>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

/// Sends a message; the status is in the trailers after an answer and in the headers after an error.
async fn export(fixture: &Fixture, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
    let router = grpc_router(fixture.ingest.clone());
    let response = TowerToHyperService::new(router).call(request(body, headers)).await.unwrap();
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let mut headers = parts.headers;
    headers.extend(collected.trailers().cloned().unwrap_or_default());
    Answer { status: parts.status, headers, body: collected.to_bytes() }
}

async fn check_refused(
    fixture: &Fixture,
    body: Vec<u8>,
    headers: &[(&str, &str)],
    code: u8,
    reason: &str,
    words: &str,
) {
    let answer = export(fixture, body, headers).await;
    assert_eq!(answer.status, StatusCode::OK, "gRPC errors are not HTTP errors");
    assert_eq!(answer.header("grpc-status"), code.to_string(), "{words}");
    let message = answer.header("grpc-message").replace("%20", " ");
    assert!(message.contains(words), "{message}");
    assert!(fixture.refused(reason), "{reason} is not counted");
}

#[tokio::test]
async fn keeps_a_batch_and_answers_with_an_empty_response() {
    let (fixture, store) = Fixture::with_memory();
    let answer = export(&fixture, framed(0, &batch(1..=3)), &[]).await;
    assert_eq!(answer.header("grpc-status"), "0");
    assert_eq!(answer.header("content-type"), "application/grpc");
    assert_eq!(answer.body, framed(0, b""));
    assert_eq!(store.stats().spans_live, 3);
}

#[tokio::test]
async fn takes_gzip_and_zstd() {
    let (fixture, store) = Fixture::with_memory();
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    for (name, message, spans) in [("gzip", gzip(&batch(1..=2)), 2), ("zstd", zstd(&batch(3..=5)), 5)] {
        let answer = export(&fixture, framed(1, &message), &[("grpc-encoding", name)]).await;
        assert_eq!(answer.header("grpc-status"), "0", "{name}");
        assert_eq!(store.stats().spans_live, spans, "{name}");
    }
}

#[tokio::test]
async fn a_bad_span_is_rejected_alone_and_counted() {
    let (fixture, store) = Fixture::with_memory();
    let answer = export(&fixture, framed(0, &partly_bad_batch()), &[]).await;
    assert_eq!(answer.header("grpc-status"), "0");
    assert!(String::from_utf8_lossy(&answer.body).contains("trace_id"), "{:?}", answer.body);
    assert_eq!((store.stats().spans_live, fixture.counters.spans_rejected.sum()), (1, 1));
}

#[tokio::test]
async fn refuses_with_the_code_and_the_words_for_each_reason() {
    let fixture = || Fixture::with_memory().0;
    check_refused(&fixture(), framed(0, b"\x0a\xff"), &[], 3, "malformed", "ends inside a field").await;
    let gzip_header = [("grpc-encoding", "gzip")];
    check_refused(&fixture(), framed(1, b"not gzip"), &gzip_header, 3, "malformed", "is not gzip").await;
    let whole = gzip(&batch(1..=1));
    let cut = framed(1, &whole[..whole.len() / 2]);
    check_refused(&fixture(), cut, &gzip_header, 3, "malformed", "is not gzip").await;
    let flag = framed(7, &batch(1..=1));
    check_refused(&fixture(), flag, &[], 3, "malformed", "compression flag 7").await;
    let no_encoding = framed(1, &whole);
    check_refused(&fixture(), no_encoding, &[], 3, "malformed", "does not say how").await;
    let short = framed(0, b"\x0a\x00")[..6].to_vec();
    check_refused(&fixture(), short, &[], 3, "malformed", "ends before its message does").await;
    for behind in [&b"x"[..], &framed(0, &batch(2..=2))] {
        let more = [&framed(0, &batch(1..=1)), behind].concat();
        check_refused(&fixture(), more, &[], 3, "malformed", "more bytes follow the message").await;
    }
    let snappy = [("grpc-encoding", "snappy")];
    check_refused(&fixture(), framed(1, b"x"), &snappy, 12, "wrong-type", "send gzip, zstd or none").await;
    let only_half_a_prefix = vec![0, 0];
    check_refused(&fixture(), only_half_a_prefix, &[], 3, "malformed", "ends before its message does").await;
    check_refused(&fixture(), Vec::new(), &[], 3, "malformed", "the body is empty").await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_compressed_or_not() {
    let config = || Config { max_message_bytes: 1_000_000, ..any_clock() };
    let fixture = || Fixture::new(Arc::new(MemoryStore::new()), config());
    let words = "1000000 bytes; send smaller batches";
    check_refused(&fixture(), framed(0, &vec![0; 1_000_001]), &[], 8, "too-large", words).await;
    let only_a_prefix = vec![0, 0xff, 0xff, 0xff, 0xff];
    check_refused(&fixture(), only_a_prefix, &[], 8, "too-large", words).await;
    let bomb = framed(1, &gzip(&vec![0; 50_000_000]));
    check_refused(&fixture(), bomb, &[("grpc-encoding", "gzip")], 8, "too-large", words).await;
    let bomb = framed(1, &zstd::encode_all(&vec![0; 50_000_000][..], 3).unwrap());
    check_refused(&fixture(), bomb, &[("grpc-encoding", "zstd")], 8, "too-large", words).await;
}

#[tokio::test]
async fn a_busy_store_says_when_to_try_again_and_a_failed_one_that_it_failed() {
    let fixture = Fixture::new(busy(), any_clock());
    let answer = export(&fixture, framed(0, &batch(1..=1)), &[]).await;
    assert_eq!(answer.header("grpc-status"), "8");
    // The details are in base64; this is `oogle.rpc.RetryInf`.
    let details = answer.header("grpc-status-details-bin");
    assert!(details.contains("b29nbGUucnBjLlJldHJ5SW5m"), "{details}");
    assert!(fixture.refused("busy"));
    let fixture = Fixture::new(failed(), any_clock());
    check_refused(&fixture, framed(0, &batch(1..=1)), &[], 14, "failed", "no disk").await;
}

#[tokio::test]
async fn other_methods_are_unimplemented_and_other_protocols_told_so() {
    let (fixture, _store) = Fixture::with_memory();
    let router = || grpc_router(fixture.ingest.clone());
    let other = Request::post("/grpc.health.v1.Health/Check").header("content-type", "application/grpc");
    let answer = call(router(), other.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("grpc-status"), "12");
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let answer = call(router(), Request::post(path).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(String::from_utf8_lossy(&answer.body).contains("OTLP by HTTP has an address of its own"));
}
