//! What is asked, and what is made of the answers.

use super::*;
use crate::host::fake::FakeHost;

const CLUSTER: &str = "xds.cluster_name";
const LISTENER: &str = "xds.listener_direction";

fn proxy(properties: &[(&str, &[u8])]) -> FakeHost {
    let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    FakeHost { properties: properties.collect(), ..FakeHost::default() }
}

fn listener(direction: u8) -> (&'static str, [u8; 8]) {
    (LISTENER, u64::from(direction).to_le_bytes())
}

/// The role, and how many questions it took.
fn find(roles: &mut Roles, host: &mut FakeHost) -> (Role, usize) {
    let before = host.properties_asked;
    let place = roles.find(host);
    (place.role, host.properties_asked - before)
}

#[test]
fn the_name_of_the_cluster_tells_the_role_or_else_the_listener() {
    let cases = [
        ("sidecar", "inbound|8080||", 2, Role::Inbound, "the cluster is of the workload"),
        ("sidecar", "outbound|80|v1|cart.shop.svc.cluster.local", 1, Role::Outbound, "or of another"),
        ("sidecar", "PassthroughCluster", 2, Role::Outbound, "a name without direction"),
        ("sidecar", "InboundPassthroughCluster", 1, Role::Inbound, "the same, towards the workload"),
        ("sidecar", "", 1, Role::Inbound, "a route without a cluster"),
        ("sidecar", "cart", 0, Role::Inbound, "a listener without direction"),
        ("router", "outbound|80||cart.shop.svc.cluster.local", 2, Role::Gateway, "a gateway is one"),
        ("", "cart", 0, Role::Gateway, "a proxy that nobody has named"),
    ];
    for (kind, cluster, direction, role, why) in cases {
        let mut host = FakeHost::sidecar("cart");
        host.set_property("xds.cluster_name", cluster);
        host.set_property("xds.listener_direction", u64::to_le_bytes(direction));
        let kind = ProxyKind::from_node_id(&format!("{kind}~10.0.0.1~cart-1.shop~shop.svc.cluster.local"));
        let expected = if role == Role::Outbound { cluster } else { "" };
        let place = Roles::new(kind, None).find(&mut host);
        assert_eq!((place.role, place.cluster.as_str()), (role, expected), "{why}");
    }
}

#[test]
fn a_name_that_istiod_gave_is_all_that_is_asked() {
    let mut roles = Roles::new(ProxyKind::Sidecar, None);
    let mut inbound = proxy(&[(CLUSTER, b"inbound|8080||")]);
    let mut outbound = proxy(&[(CLUSTER, b"outbound|8080||cart.shop.svc.cluster.local")]);
    for _ in 0..2 {
        assert_eq!(find(&mut roles, &mut inbound), (Role::Inbound, 1));
        assert_eq!(find(&mut roles, &mut outbound), (Role::Outbound, 1));
    }
    assert_eq!(roles.find(&mut outbound).cluster, "outbound|8080||cart.shop.svc.cluster.local");
}

#[test]
fn a_listener_is_asked_first_once_names_did_not_tell() {
    let mut roles = Roles::new(ProxyKind::Sidecar, None);
    let (name, direction) = listener(1);
    let mut inbound = proxy(&[(CLUSTER, b"local_app"), (name, &direction)]);
    assert_eq!(find(&mut roles, &mut inbound), (Role::Inbound, 2));
    assert_eq!(find(&mut roles, &mut inbound), (Role::Inbound, 1));
    let (name, direction) = listener(2);
    let mut outbound = proxy(&[(CLUSTER, b"PassthroughCluster"), (name, &direction)]);
    assert_eq!(find(&mut roles, &mut outbound), (Role::Outbound, 3));
    assert_eq!(find(&mut roles, &mut outbound), (Role::Outbound, 2));
    assert_eq!(roles.find(&mut outbound).cluster, "PassthroughCluster", "it is not asked for again");
}

#[test]
fn what_the_operator_says_is_asked_about_at_the_first_and_every_16th_request() {
    let mut roles = Roles::new(ProxyKind::Sidecar, Some(Role::Inbound));
    let mut host = proxy(&[(CLUSTER, b"inbound|8080||")]);
    for number in 0..40 {
        let questions = usize::from(number % 16 == 0);
        assert_eq!(find(&mut roles, &mut host), (Role::Inbound, questions), "request {number}");
    }
}

#[test]
fn an_operator_whom_the_proxy_contradicts_is_not_believed_any_more() {
    let mut roles = Roles::new(ProxyKind::Sidecar, Some(Role::Inbound));
    let mut call = proxy(&[(CLUSTER, b"outbound|8080||cart.shop.svc.cluster.local")]);
    let place = roles.find(&mut call);
    assert!(place.is_contradicted);
    assert_eq!(place.role, Role::Outbound);
    let mut request = proxy(&[(CLUSTER, b"inbound|8080||")]);
    for _ in 0..2 {
        assert_eq!(find(&mut roles, &mut request), (Role::Inbound, 1), "every request is asked about");
        assert!(!roles.find(&mut call).is_contradicted, "it is told once");
    }
}

#[test]
fn a_gateway_is_one_whatever_the_operator_says() {
    let mut host = proxy(&[(CLUSTER, b"outbound|8080||cart")]);
    for kind in [ProxyKind::Gateway, ProxyKind::Waypoint] {
        let mut roles = Roles::new(kind, Some(Role::Inbound));
        assert_eq!(find(&mut roles, &mut host), (Role::Gateway, 0));
    }
}
