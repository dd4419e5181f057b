//! Names and roles from what a node says of itself.

use super::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn check(node: Node, service: &str, pod: &str, namespace: &str) {
    assert_eq!(
        (node.service_name(), node.pod_name(), node.namespace_name()),
        (service, pod, namespace),
        "{node:?}"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn finds_the_best_name_that_the_node_gives() {
    let id = "sidecar~10.0.0.7~cart-5f7-x2x.shop~shop.svc.cluster.local".to_owned();
    let full = Node {
        id: id.clone(),
        cluster: "cart.shop".into(),
        pod: "cart-5f7-x2x".into(),
        namespace: "shop".into(),
        workload: "cart-v1".into(),
        canonical_name: "cart".into(),
        ..Node::default()
    };
    check(full.clone(), "cart", "cart-5f7-x2x", "shop");
    check(Node { canonical_name: String::new(), ..full }, "cart-v1", "cart-5f7-x2x", "shop");
    check(Node { cluster: "cart.shop".into(), ..Node::default() }, "cart", "", "");
    check(Node { id, ..Node::default() }, "cart-5f7-x2x", "cart-5f7-x2x", "shop");
    check(Node { id: "my-envoy".into(), ..Node::default() }, "my-envoy", "", "");
    check(Node::default(), "unknown_service", "", "");
}

#[wasm_bindgen_test(unsupported = test)]
fn tells_proxies_apart_by_their_node_id() {
    let cases = [
        ("sidecar~1~a.b~c", ProxyKind::Sidecar),
        ("router~1~a.b~c", ProxyKind::Gateway),
        ("waypoint~1~a.b~c", ProxyKind::Waypoint),
        ("envoy-1", ProxyKind::Plain),
        ("", ProxyKind::Plain),
    ];
    for (id, kind) in cases {
        assert_eq!(ProxyKind::from_node_id(id), kind, "{id}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn leaves_unknown_facts_out_of_the_resource() {
    let resource = Node { id: "sidecar~1~p.n~d".into(), ..Node::default() }.to_resource();
    let keys: Vec<&str> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    let expected =
        ["service.name", "service.namespace", "service.instance.id", "k8s.namespace.name", "k8s.pod.name"];
    assert_eq!(keys, expected);
    assert_eq!(resource.service_name(), "p");
}

#[wasm_bindgen_test(unsupported = test)]
fn names_the_workload_as_kubernetes_and_istio_do() {
    let node = Node {
        id: "sidecar~1~cart-5f7-x2x.shop~d".into(),
        owner: "kubernetes://apis/apps/v1/namespaces/shop/deployments/cart-v2".into(),
        namespace: "shop".into(),
        canonical_name: "cart".into(),
        canonical_revision: "v2".into(),
        version: "2.1.0".into(),
        node_name: "worker-3".into(),
        cluster_id: "Kubernetes".into(),
        mesh_id: "cluster.local".into(),
        ..Node::default()
    };
    let resource = node.to_resource();
    let facts: Vec<String> = resource
        .attributes
        .iter()
        .map(|attribute| format!("{}={}", attribute.key, attribute.value.as_text().unwrap_or_default()))
        .collect();
    let expected = [
        "service.name=cart",
        "service.namespace=shop",
        "service.version=2.1.0",
        "service.instance.id=shop.cart-5f7-x2x",
        "k8s.namespace.name=shop",
        "k8s.pod.name=cart-5f7-x2x",
        "k8s.deployment.name=cart-v2",
        "k8s.node.name=worker-3",
        "k8s.cluster.name=Kubernetes",
        "istio.mesh_id=cluster.local",
        "istio.cluster_id=Kubernetes",
        "istio.namespace=shop",
        "istio.canonical_service=cart",
        "istio.canonical_revision=v2",
    ];
    assert_eq!(facts, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn reads_resource_attributes_from_the_environment() {
    let fact = |key: &str, value: &str| Attribute { key: key.into(), value: Value::Text(value.into()) };
    let cases = [
        ("", Ok(vec![]), "nothing"),
        ("a=1,b=2", Ok(vec![fact("a", "1"), fact("b", "2")]), "pairs divided by commas"),
        (" a = 1 , ", Ok(vec![fact("a", "1")]), "blanks around are no part of it"),
        ("a=x%2Cy%3Dz", Ok(vec![fact("a", "x,y=z")]), "values are percent-decoded"),
        ("a=b=c", Ok(vec![fact("a", "b=c")]), "the first equals sign divides"),
        ("a=", Ok(vec![fact("a", "")]), "an empty value"),
        ("a=1,a=2", Ok(vec![fact("a", "2")]), "the last one counts"),
        ("a", Err(Malformed), "no equals sign: all of it is discarded"),
        ("=1,b=2", Err(Malformed), "no key"),
        ("a=%2", Err(Malformed), "half an escape"),
        ("a=%zz", Err(Malformed), "no digits"),
        ("a=%ff", Err(Malformed), "not UTF-8"),
    ];
    for (text, expected, reason) in cases {
        assert_eq!(parse_resource_attributes(text), expected, "{text}: {reason}");
    }
    let long = "a=1,".repeat(100_000);
    assert_eq!(parse_resource_attributes(&long), Err(Malformed));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_environment_wins_over_the_node() {
    let mut resource = Node { canonical_name: "cart".into(), ..Node::default() }.to_resource();
    resource.override_with(parse_resource_attributes("service.name=basket,team=blue").unwrap());
    assert_eq!(resource.service_name(), "basket");
    let keys: Vec<&str> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["istio.canonical_service", "service.name", "team"]);
}
