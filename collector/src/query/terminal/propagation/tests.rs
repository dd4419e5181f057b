//! Findings as they are printed.

use std::collections::BTreeMap;

use super::draw;
use crate::query::insight::doctor::{Propagation, Workload};

#[test]
fn tells_a_sentence_for_each_workload() {
    let workload = Workload {
        service: "payment".to_owned(),
        verdict: "forwards-nothing".to_owned(),
        requests: 12,
        calling_requests: 12,
        broken_requests: 12,
        calls: 12,
        broken_share: Some(1.0),
        calls_by_link: BTreeMap::from([("none".to_owned(), 2), ("sole".to_owned(), 10)]),
        advice: "payment made 12 calls, and none carried the context of a request".to_owned(),
    };
    let found = Propagation { traces: 12, cut: true, workloads: vec![workload] };
    let expected = "\
12 traces, of more

payment  forwards-nothing
  payment made 12 calls, and none carried the context of a request
  calls by what ties them to their cause: none 2, sole 10
";
    assert_eq!(draw(&found), expected);
}
