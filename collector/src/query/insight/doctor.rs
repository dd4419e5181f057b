//! `GET /api/v1/doctor/propagation`: which workloads forward the context of their requests, and which break traces.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selection::load;
use crate::analyse::propagation::{Doctor, Verdict};
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::parameter::selection::read_one;
use crate::query::problem::Problem;
use crate::query::{QueryState, timestamp};

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Propagation {
    /// Traces that were looked at.
    pub traces: usize,
    /// There may be more.
    pub cut: bool,
    /// Those that break traces first, the busiest first among their like.
    pub workloads: Vec<Workload>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// Its service.
    pub service: String,
    /// `forwards-nothing`, `forwards-request-id`, `forwards-in-part`, `forwards` or `too-few-calls`.
    pub verdict: String,
    /// Requests that it received, all with a context from its proxy.
    pub requests: u64,
    /// Those during which it made calls that could be tied to them.
    pub calling_requests: u64,
    /// Those of them none of whose calls carried a context.
    pub broken_requests: u64,
    /// Calls that it made.
    pub calls: u64,
    /// The share of them that carried no context, 0 to 1.
    pub broken_share: Option<f64>,
    /// Calls by what ties them to their cause.
    pub calls_by_link: BTreeMap<String, u64>,
    /// A sentence to hand to its team.
    pub advice: String,
}

/// `GET /api/v1/doctor/propagation`
pub(in crate::query) async fn propagation(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let selection = read_one(&uri, timestamp::now_unix_ns())?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.sample_budget(state.limits());
    let examine = move || {
        let loaded = load(store.as_ref(), &selection, &budget)?;
        let mut doctor = Doctor::default();
        loaded.traces.iter().for_each(|(_, lifecycle)| doctor.examine(lifecycle));
        room.write(&Propagation { traces: loaded.traces.len(), cut: loaded.is_cut, workloads: tell(&doctor) })
    };
    state.workers.run(examine).await
}

fn tell(doctor: &Doctor) -> Vec<Workload> {
    let mut workloads: Vec<(Verdict, Workload)> = doctor
        .workloads
        .iter()
        .filter(|(_, found)| found.all_calls() > 0)
        .map(|(service, found)| {
            let workload = Workload {
                service: service.clone(),
                verdict: found.verdict().as_str().to_owned(),
                requests: found.requests,
                calling_requests: found.calling_requests,
                broken_requests: found.broken_requests,
                calls: found.all_calls(),
                broken_share: found.broken_share(),
                calls_by_link: found
                    .calls
                    .iter()
                    .map(|(kind, calls)| (kind.as_str().to_owned(), *calls))
                    .collect(),
                advice: found.advice(service),
            };
            (found.verdict(), workload)
        })
        .collect();
    workloads.sort_by_key(|(verdict, workload)| (*verdict, std::cmp::Reverse(workload.calls)));
    workloads.into_iter().map(|(_, workload)| workload).collect()
}
