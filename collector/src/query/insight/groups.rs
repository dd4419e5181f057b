//! Two groups of traces against each other: who explains the change, and what changed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selection::{Loaded, load_two};
use crate::analyse::compare::{self as analysis, Limits, Measure};
use crate::analyse::suspects::{Suspects as Ranked, rank};
use crate::query::answer::Sample;
use crate::query::find::{Cancel, SampleBudget};
use crate::query::held::HeldAnswer;
use crate::query::parameter::selection::{Selection, read_two};
use crate::query::problem::Problem;
use crate::query::{QueryState, timestamp};
use crate::store::{Store, StoreError};

/// Who explains a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspects {
    /// Traces of the time in question.
    pub traces: usize,
    /// Traces of the time that it is compared with.
    pub baseline_traces: usize,
    /// There may be more of either.
    pub cut: bool,
    /// What the traces of the time in question stand for.
    #[serde(default)]
    pub sample: Sample,
    /// What those of the baseline stand for.
    #[serde(default)]
    pub baseline_sample: Sample,
    /// Every service, the most suspect first; none where either time has no trace, as nothing can be compared then.
    pub services: Vec<Suspect>,
    /// Edges on which something changed, the most suspect first.
    pub edges: Vec<SuspectEdge>,
}

/// A service, and how much it explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// The service.
    pub service: String,
    /// Compares within one answer.
    pub score: f64,
    /// The strongest finding.
    pub reason: String,
}

/// An edge, and how much it explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuspectEdge {
    /// Who called.
    pub client: String,
    /// Who was called.
    pub server: String,
    /// Compares within one answer.
    pub score: f64,
    /// The finding.
    pub reason: String,
}

/// What changed between two groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Traces of the group.
    pub traces: usize,
    /// Traces of the group that it is compared with.
    pub baseline_traces: usize,
    /// There may be more of either.
    pub cut: bool,
    /// What the traces of the group stand for.
    #[serde(default)]
    pub sample: Sample,
    /// What those of the baseline stand for.
    #[serde(default)]
    pub baseline_sample: Sample,
    /// Something became worse, significantly and by enough to matter.
    pub regression: bool,
    /// Calls that the baseline does not have.
    pub new_edges: Vec<Ends>,
    /// Calls that only the baseline has.
    pub lost_edges: Vec<Ends>,
    /// What changed significantly, the worst first.
    pub shifts: Vec<Shift>,
}

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ends {
    /// Who calls; `null` for requests from outside.
    pub client: Option<String>,
    /// Who is called.
    pub server: String,
}

/// A change of one operation on one edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shift {
    /// Which edge.
    #[serde(flatten)]
    pub ends: Ends,
    /// What was asked.
    pub operation: String,
    /// `duration` (medians in nanoseconds) or `errors` (shares from 0 to 1).
    pub measure: String,
    /// In the baseline.
    pub before: f64,
    /// In the group.
    pub after: f64,
    /// Calls in the baseline.
    pub calls_before: usize,
    /// Calls in the group.
    pub calls_after: usize,
    /// How likely that is by chance, seen alone.
    pub p_value: f64,
    /// For the worse, and by enough to matter.
    pub regression: bool,
}

/// `GET /api/v1/suspects`
pub(in crate::query) async fn suspects(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let now_unix_ns = timestamp::now_unix_ns();
    let (selected, baseline) = read_two(&uri, now_unix_ns)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budgets = cancel.two_sample_budgets(state.limits());
    let weigh = move || {
        let (now, before) = load_settled(store.as_ref(), (&selected, &baseline), now_unix_ns, &budgets)?;
        let can_compare = !now.traces.is_empty() && !before.traces.is_empty();
        let ranked = if can_compare { rank(&before.window(), &now.window()) } else { Ranked::default() };
        let services = ranked.services.into_iter().map(|suspect| Suspect {
            service: suspect.service.to_string(),
            score: suspect.score,
            reason: suspect.reason,
        });
        let edges = ranked.edges.into_iter().map(|edge| SuspectEdge {
            client: edge.caller.to_string(),
            server: edge.callee.to_string(),
            score: edge.score,
            reason: edge.reason,
        });
        room.write(&Suspects {
            traces: now.traces.len(),
            baseline_traces: before.traces.len(),
            cut: now.is_cut || before.is_cut,
            sample: now.sample(),
            baseline_sample: before.sample(),
            services: services.collect(),
            edges: edges.collect(),
        })
    };
    state.workers.run(weigh).await
}

/// `GET /api/v1/compare`
pub(in crate::query) async fn compare(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let now_unix_ns = timestamp::now_unix_ns();
    let (selected, baseline) = read_two(&uri, now_unix_ns)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budgets = cancel.two_sample_budgets(state.limits());
    let weigh = move || {
        let (now, before) = load_settled(store.as_ref(), (&selected, &baseline), now_unix_ns, &budgets)?;
        let compared = analysis::compare(&before.window(), &now.window(), &Limits::default());
        room.write(&Comparison {
            cut: now.is_cut || before.is_cut,
            sample: now.sample(),
            baseline_sample: before.sample(),
            ..tell(&compared)
        })
    };
    state.workers.run(weigh).await
}

/// Both groups, without what has not settled yet.
fn load_settled(
    store: &dyn Store,
    groups: (&Selection, &Selection),
    now_unix_ns: u64,
    budgets: &(SampleBudget, SampleBudget),
) -> Result<(Loaded, Loaded), StoreError> {
    let (mut now, mut before) = load_two(store, groups, now_unix_ns, budgets)?;
    now.leave_out_unsettled(now_unix_ns);
    before.leave_out_unsettled(now_unix_ns);
    Ok((now, before))
}

fn tell(compared: &analysis::Comparison) -> Comparison {
    let ends = |edge: &analysis::Edge| Ends {
        client: edge.caller.as_ref().map(ToString::to_string),
        server: edge.callee.to_string(),
    };
    let shift = |shift: &analysis::Shift| Shift {
        ends: ends(&shift.edge),
        operation: shift.operation.to_string(),
        measure: match shift.measure {
            Measure::Duration => "duration".to_owned(),
            Measure::Errors => "errors".to_owned(),
        },
        before: shift.before,
        after: shift.after,
        calls_before: shift.calls.0,
        calls_after: shift.calls.1,
        p_value: shift.p_value,
        regression: shift.is_regression,
    };
    Comparison {
        traces: compared.traces.1,
        baseline_traces: compared.traces.0,
        cut: false,
        sample: Sample::default(),
        baseline_sample: Sample::default(),
        regression: compared.has_regression(),
        new_edges: compared.new_edges.iter().map(ends).collect(),
        lost_edges: compared.lost_edges.iter().map(ends).collect(),
        shifts: compared.shifts.iter().map(shift).collect(),
    }
}
