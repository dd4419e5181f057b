//! Values on calls that look like an echo of a request in flight and are none.

use super::*;

/// A worker that has seen enough requests of different users for a value to be evidence.
fn of_many_users() -> Proxy {
    let mut proxy = Proxy::with_workers(1);
    proxy.prove(&[0, 1]);
    for number in 0..40 {
        let (_, ticket) = proxy.receive(1, &[("x-user-id", &format!("user-{number}"))]);
        proxy.answer(1, ticket);
    }
    proxy
}

#[test]
fn a_value_that_the_application_looked_up_links_nothing() {
    let mut proxy = of_many_users();
    let (_, order) = proxy.receive(1, &[(":path", "/orders/1234567890")]);
    for user in ["dora", "emil"] {
        assert_ne!(proxy.call(1, &[("x-user-id", user)]).kind, LinkKind::Token, "{user}");
    }
    let (_, profile) = proxy.receive(1, &[("x-user-id", "fritz")]);
    let found = proxy.call(1, &[("x-user-id", "fritz")]);
    assert_eq!(
        (found.kind, found.candidates),
        (LinkKind::None, 2),
        "the order may have looked that one up too"
    );
    proxy.answer(1, order);
    proxy.answer(1, profile);
}

#[test]
fn the_work_that_goes_on_after_an_answer_is_not_that_of_the_next_request_of_the_same_user() {
    let mut proxy = of_many_users();
    let (_, answered) = proxy.receive(1, &[("x-user-id", "ann")]);
    proxy.answer(1, answered);
    let _ = proxy.receive(1, &[("x-user-id", "ann")]);
    let _ = proxy.receive(1, &[("x-user-id", "bob")]);
    assert_eq!(proxy.call(1, &[("x-user-id", "ann")]).kind, LinkKind::None);
    assert_eq!(proxy.call(1, &[("x-user-id", "bob")]).kind, LinkKind::Token);
}
