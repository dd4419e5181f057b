//! What the operator is told when the collector cannot start, and what is answered while it starts.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::*;

fn options(folder: &tempfile::TempDir) -> ServeOptions {
    let free = || Some("127.0.0.1:0".to_owned());
    let data_dir = Some(folder.path().join("data").display().to_string());
    ServeOptions {
        data_dir,
        otlp_grpc: free(),
        otlp_http: free(),
        zipkin: free(),
        http: free(),
        ..ServeOptions::default()
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_flag_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let config = ServeOptions { http: Some(address.clone()), ..options(&folder) }.resolve().unwrap();
    let words = Listeners::bind(&config).await.err().unwrap().to_string();
    for part in [address.as_str(), "--http", "is in use", "--http 127.0.0.1:0"] {
        assert!(words.contains(part), "{part} is missing in: {words}");
    }
    assert!(!folder.path().join("data").exists(), "nothing is made before the ports are there");
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Some("192.0.2.1:4317".to_owned());
    let config = ServeOptions { otlp_grpc: elsewhere, ..options(&folder) }.resolve().unwrap();
    let words = Listeners::bind(&config).await.err().unwrap().to_string();
    assert!(words.contains("cannot listen on 192.0.2.1:4317 (--otlp-grpc)"), "{words}");
}

#[tokio::test]
async fn lives_and_is_not_ready_while_the_log_is_replayed() {
    let (alive, not_ready) = ("text/plain; charset=utf-8", "application/problem+json");
    for (path, status, content_type, words) in [
        ("/healthz", 200, alive, "alive\n"),
        ("/readyz", 503, not_ready, "being replayed"),
        ("/api/v1/services", 503, not_ready, "being replayed"),
        ("/", 503, not_ready, "being replayed"),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = TowerToHyperService::new(query::router_of_replay()).call(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], content_type, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers().contains_key("retry-after"), status == 503, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(words), "{path}: {body:?}");
    }
}

#[tokio::test]
async fn opens_the_store_and_keeps_the_address_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let config = options(&folder).resolve().unwrap();
    let counters = Arc::new(Counters::new());
    let listeners = Listeners::bind(&config).await.unwrap();
    let address = listeners.http.local_addr().unwrap();
    let (store, listeners) = open_store(&config, &counters, listeners).await.unwrap();
    assert_eq!(listeners.http.local_addr().unwrap(), address);
    assert_eq!(store.stats().spans_live, 0);
    let again = Listeners::bind(&config).await.unwrap();
    let words = open_store(&config, &counters, again).await.err().unwrap().to_string();
    assert!(words.contains("in use by another process"), "{words}");
}
