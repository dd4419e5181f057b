//! Each thing that can be wrong with a proxy or a collector is found, and a sound one is left alone.

use serde_json::Value;

use super::collector::judge;
use super::proxies::{compare, examine};
use super::proxy::Proxy;
use super::*;
use crate::query::answer::{Status, Trace};

const CLUSTER: &str = "outbound|4317||throughline-collector.throughline.svc.cluster.local";

fn filter(settings: &Value) -> Value {
    json!({"name": "throughline", "typed_config": {"@type": "x.v3.Wasm", "config": {
        "name": "throughline", "root_id": "throughline", "fail_open": true,
        "vm_config": {"code": {"local": {"filename": "/a.wasm"}}},
        "configuration": {"@type": "x.StringValue", "value": settings.to_string()},
    }}})
}

fn listener(name: &str, direction: &str) -> Value {
    let manager = json!({"stat_prefix": name, "http_filters": [
        filter(&json!({"collector": {"cluster": CLUSTER}})),
        {"name": "envoy.filters.http.router"},
    ]});
    json!({"listener": {"name": name, "traffic_direction": direction,
        "filter_chains": [{"filters": [{"typed_config": manager}]}]}})
}

/// What a sound proxy answers at `/config_dump`.
fn sound() -> Value {
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
        {"explicit_http_config": {"http2_protocol_options": {}}}});
    json!({"configs": [
        {"@type": "x.v3.ListenersConfigDump",
         "static_listeners": [listener("in", "INBOUND"), listener("out", "OUTBOUND")]},
        {"@type": "x.v3.ClustersConfigDump", "static_clusters": [
            {"cluster": {"name": CLUSTER, "typed_extension_protocol_options": options}},
            {"cluster": {"name": "other"}},
        ]},
    ]})
}

const MANAGER: &str = "/configs/0/static_listeners/0/listener/filter_chains/0/filters/0/typed_config";
const FILTERS: &str =
    "/configs/0/static_listeners/0/listener/filter_chains/0/filters/0/typed_config/http_filters";

fn proxy(dump: &Value, stats: &[(&str, u64)]) -> Proxy {
    let stats: Vec<Value> = stats.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let info = json!({"node": {"id": "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local"}});
    Proxy::from_answers(&info, dump, &json!({"stats": stats}))
}

const RUNNING: [(&str, u64); 2] =
    [("http.in.downstream_rq_completed", 100), ("wasmcustom.throughline_requests_sampled_probability", 100)];

/// The kinds of findings about a proxy whose dump was changed at one place and that has these statistics.
fn kinds(pointer: &str, value: Value, stats: &[(&str, u64)]) -> Vec<&'static str> {
    let mut dump = sound();
    if !pointer.is_empty() {
        *dump.pointer_mut(pointer).unwrap() = value;
    }
    let after: Vec<(&str, u64)> = RUNNING.iter().chain(stats).copied().collect();
    examine(&proxy(&dump, &RUNNING), &proxy(&dump, &after)).iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_sound_proxy_is_left_alone() {
    assert_eq!(kinds("", Value::Null, &[]), [""; 0]);
}

#[test]
fn a_wrong_configuration_is_found() {
    let wrong = |settings: Value| kinds(&format!("{FILTERS}/0"), filter(&settings), &[]);
    assert_eq!(wrong(json!({})), ["no-collector-cluster"]);
    assert_eq!(wrong(json!({"collector": {"cluster": "other"}})), ["wrong-port-name"]);
    assert_eq!(wrong(json!({"collector": {"cluster": "other", "protocol": "http"}})), [""; 0]);
    assert_eq!(wrong(json!({"enabled": false})), ["switched-off"]);
    let place = format!("{FILTERS}/0/typed_config/config/fail_open");
    assert_eq!(kinds(&place, json!(false), &[]), ["fails-closed"]);
}

#[test]
fn a_filter_that_is_missing_somewhere_is_found() {
    assert_eq!(kinds(FILTERS, json!([]), &[]), ["one-direction"]);
    assert_eq!(kinds("/configs/0/static_listeners", json!([]), &[]), ["no-filter"]);
    let stub = json!({"@type": "x.v3.EcdsConfigDump", "ecds_filters": [{"ecds_filter":
        {"name": "istio-system.throughline", "typed_config": {"@type": "x.v3.RBAC"}}}]});
    assert_eq!(kinds("/configs/1", stub, &[]), ["module-not-fetched"]);
}

#[test]
fn native_tracing_beside_the_filter_is_found() {
    let mut manager = sound().pointer(MANAGER).unwrap().clone();
    manager["tracing"] = json!({});
    assert_eq!(kinds(MANAGER, manager.clone(), &[]), [""; 0], "without a tracer nothing is traced");
    manager["tracing"]["provider"] = json!({"name": "envoy.tracers.opentelemetry"});
    assert_eq!(kinds(MANAGER, manager.clone(), &[]), ["native-tracing"]);
    manager["tracing"]["no_context_propagation"] = json!(true);
    assert_eq!(kinds(MANAGER, manager, &[]), [""; 0], "it keeps its context to itself");
}

#[test]
fn what_the_filter_counts_is_told() {
    let counted = |name: &str| kinds("", Value::Null, &[(name, 3)]);
    assert_eq!(counted("wasmcustom.throughline_config_errors"), ["config-errors"]);
    assert_eq!(counted("wasmcustom.throughline_spans_dropped_refused"), ["spans-dropped"]);
    assert_eq!(counted("wasmcustom.throughline_exports_failed"), ["exports-fail"]);
}

#[test]
fn requests_that_the_filter_does_not_see_are_found() {
    let passing = [("http.in.downstream_rq_completed", 200), RUNNING[1]];
    let found = examine(&proxy(&sound(), &RUNNING), &proxy(&sound(), &passing));
    assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), ["filter-not-running"]);
    let silent = examine(&proxy(&sound(), &[]), &proxy(&sound(), &[]));
    assert_eq!(silent.iter().map(|one| one.kind).collect::<Vec<_>>(), ["filter-not-running"]);
}

#[test]
fn different_modules_are_found() {
    let mut other = sound();
    *other.pointer_mut(&format!("{FILTERS}/0/typed_config/config/vm_config/code/local/filename")).unwrap() =
        json!("/b.wasm");
    assert!(compare(&[proxy(&sound(), &RUNNING)]).is_empty());
    assert_eq!(compare(&[proxy(&sound(), &RUNNING), proxy(&other, &RUNNING)])[0].kind, "version-mismatch");
}

#[test]
fn answers_that_are_no_proxy_are_read_without_harm() {
    for answer in [Value::Null, json!([]), json!({"configs": [1, {"@type": 3}], "stats": [{"name": 1}]})] {
        let read = Proxy::from_answers(&answer, &answer, &answer);
        assert_eq!(examine(&read, &read)[0].kind, "no-filter");
    }
}

#[test]
fn a_collector_of_another_version_is_found() {
    let status = |version: &str| -> Status {
        serde_json::from_value(
            json!({"version": version, "uptime_s": 1, "spans_received": 1, "spans_rejected": 0,
            "spans_live": 0, "blocks": 0, "bytes_on_disk": 0, "traces_complete": 0, "traces_incomplete": 0}),
        )
        .unwrap()
    };
    let no_traces: [Trace; 0] = [];
    assert!(judge(&status(env!("CARGO_PKG_VERSION")), &no_traces).is_empty());
    assert_eq!(judge(&status("0.0.1"), &no_traces)[0].kind, "version-mismatch");
}
