//! The users' files stay what they are, with names, ports and addresses filled in.

use std::path::Path;

use serde_json::{Value, json};

use super::{Identity, Surroundings, Upstream, rename_words, render_gateway, render_sidecar};
use crate::topology::Protocol;

fn identity(name: &str) -> Identity {
    let (name, namespace) = (name.to_owned(), "store".to_owned());
    Identity { name, namespace, pod_number: 42, admin_port: 1, inbound_port: 2 }
}

fn upstream(name: &str, protocol: Protocol, port: u16) -> Upstream {
    Upstream { name: name.to_owned(), protocol, port }
}

fn surroundings(configuration: Option<&Value>) -> Surroundings<'_> {
    Surroundings { module: Path::new("/m.wasm"), filter_configuration: configuration, collector_port: 9 }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_sidecar_gets_its_identity_and_one_cluster_for_each_callee() {
    let upstreams = [upstream("payment", Protocol::Grpc, 5), upstream("cart", Protocol::Http, 6)];
    let file = render_sidecar(&identity("checkout"), 3, 4, &upstreams, &surroundings(None)).unwrap();
    assert_eq!(file["node"]["id"], "sidecar~10.0.0.42~checkout-1.store~store.svc.cluster.local");
    assert_eq!(file["node"]["cluster"], "checkout.store");
    assert_eq!(file["node"]["metadata"]["LABELS"]["service.istio.io/canonical-name"], "checkout");
    let clusters = &file["static_resources"]["clusters"];
    assert_eq!(names(clusters)[..2], ["inbound|8080||", "throughline-collector"]);
    assert_eq!(names(clusters)[2], "outbound|8080||payment.store.svc.cluster.local");
    assert!(clusters[2].get("typed_extension_protocol_options").is_some(), "gRPC goes by HTTP/2");
    assert!(clusters[3].get("typed_extension_protocol_options").is_none(), "HTTP goes by HTTP/1.1");
    let service = &clusters[0]["metadata"]["filter_metadata"]["istio"]["services"][0];
    assert_eq!(service["host"], "checkout.store.svc.cluster.local");
    assert!(!file.to_string().contains("catalog"), "an example is left over");
}

#[test]
fn a_gateway_answers_for_the_domain() {
    let around = surroundings(None);
    let upstream = upstream("web", Protocol::Http, 5);
    let file = render_gateway(&identity("entry"), "example.org", &upstream, &around).unwrap();
    assert_eq!(file["node"]["id"], "router~10.0.0.42~entry-1.store~store.svc.cluster.local");
    let text = file.to_string();
    assert!(text.contains("\"example.org:*\""), "{text}");
    assert!(text.contains("outbound|8080||web.store.svc.cluster.local"), "{text}");
}

#[test]
fn every_copy_of_the_filter_is_told_the_same() {
    let configuration = json!({"attributes": {"request_headers": ["x-shop-call"]}});
    let around = surroundings(Some(&configuration));
    let file = render_sidecar(&identity("checkout"), 3, 4, &[], &around).unwrap();
    let filters: Vec<&Value> = file["static_resources"]["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listener| &listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0])
        .collect();
    assert_eq!(filters.len(), 2);
    assert_eq!(filters[0], filters[1]);
    let config = &filters[0]["typed_config"]["config"];
    assert_eq!(config["configuration"]["value"], configuration.to_string());
    assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/m.wasm");
    assert!(config["vm_config"].get("vm_id").is_none());
}

#[test]
fn renames_whole_words_only() {
    let names = [("shop", "store"), ("frontend", "web-ui")];
    assert_eq!(rename_words("frontend-1.shop~shop.svc", &names), "web-ui-1.store~store.svc");
    assert_eq!(rename_words("workshop frontends", &names), "workshop frontends");
}
