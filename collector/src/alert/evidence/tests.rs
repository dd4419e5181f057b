//! What is taken from newer signals.

use super::*;

#[test]
fn numbers_are_those_of_the_newest_signal_and_what_traces_told_stays() {
    let mut held = Evidence {
        why: "3 errors among 266 requests in 360 min".to_owned(),
        window_minutes: 360,
        requests: 266.0,
        observed: 3.0,
        exemplars: vec!["01".repeat(16)],
        first_bad_hop: Some("cart -> pay".to_owned()),
        entry_routes: vec!["front GET /".to_owned()],
        critical_path: vec![PathPart::default()],
        suspects: vec![Suspected::default()],
        ..Evidence::default()
    };
    let newer = Evidence {
        why: "24 errors among 968 requests in 60 min".to_owned(),
        window_minutes: 60,
        requests: 968.0,
        observed: 24.0,
        exemplars: vec!["02".repeat(16)],
        ..Evidence::default()
    };
    let expected = Evidence {
        exemplars: held.exemplars.clone(),
        first_bad_hop: held.first_bad_hop.clone(),
        entry_routes: held.entry_routes.clone(),
        critical_path: held.critical_path.clone(),
        suspects: held.suspects.clone(),
        ..newer.clone()
    };
    held.renew(&newer);
    assert_eq!(held, expected);
}

#[test]
fn what_traces_have_not_told_yet_comes_from_the_newest_signal() {
    let newer = Evidence {
        exemplars: vec!["02".repeat(16)],
        first_bad_hop: Some("cart -> front".to_owned()),
        entry_routes: vec!["front GET /".to_owned()],
        suspects: vec![Suspected::default()],
        ..Evidence::default()
    };
    let mut held = Evidence::default();
    held.renew(&newer);
    assert_eq!(held, newer);
}
