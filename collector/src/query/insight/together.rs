//! Many traces together: their critical paths added up, and what sets a selection apart from the rest.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selection::{load, load_two};
use crate::analyse::explain as analysis;
use crate::analyse::flame::{self, Flame};
use crate::assemble::Lifecycle;
use crate::query::answer::Sample;
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::parameter::selection::{Selection, read_one};
use crate::query::problem::Problem;
use crate::query::{QueryState, timestamp};
use crate::store::SpanFilter;

/// Explanations that are answered.
const MAX_EXPLANATIONS: usize = 50;

/// The critical paths of a selection as a flame graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlameGraph {
    /// How many traces were added up.
    pub traces: usize,
    /// There may be more.
    pub cut: bool,
    /// The sum of their roots' durations.
    pub total_ns: u64,
    /// What the traces began with, the longest first.
    pub frames: Vec<Frame>,
}

/// The same work at the same place in all traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The service.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// The span's role.
    pub kind: String,
    /// Time in which nothing below was waited for.
    pub self_ns: u64,
    /// The same with everything below.
    pub total_ns: u64,
    /// Of all time, 0 to 1.
    pub share: f64,
    /// Traces whose path comes through here.
    pub traces: usize,
    /// What was waited for from here, the longest first.
    pub children: Vec<Frame>,
}

/// What sets a selection apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanations {
    /// Traces of the selection.
    pub selected: usize,
    /// Other traces of the same service and time.
    pub rest: usize,
    /// There may be more of either.
    pub cut: bool,
    /// What the traces of the selection stand for.
    #[serde(default)]
    pub sample: Sample,
    /// What the traces that the others are taken from stand for.
    #[serde(default)]
    pub rest_sample: Sample,
    /// Facts that hold more often in the selection than chance allows.
    pub facts: Vec<Fact>,
}

/// One attribute's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The attribute.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The share of selected traces that have it.
    pub selected_share: f64,
    /// The share of the others.
    pub rest_share: f64,
    /// How likely that is by chance.
    pub p_value: f64,
}

/// `GET /api/v1/critical-path`
pub(in crate::query) async fn critical_path(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let selection = read_one(&uri, timestamp::now_unix_ns())?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.sample_budget(state.limits());
    let add_up = move || {
        let loaded = load(store.as_ref(), &selection, &budget)?;
        let mut flame = Flame::default();
        loaded.traces.iter().for_each(|(_, lifecycle)| flame.add(lifecycle));
        room.write(&FlameGraph {
            traces: flame.traces,
            cut: loaded.is_cut,
            total_ns: flame.total_ns,
            frames: nest(&flame),
        })
    };
    state.workers.run(add_up).await
}

/// Callers stand before those they called, so each is complete once the ones after it are; their depth is bounded.
fn nest(flame: &Flame) -> Vec<Frame> {
    let mut children: Vec<Vec<Frame>> = vec![Vec::new(); flame.frames.len()];
    let mut roots = Vec::new();
    for (index, frame) in flame.frames.iter().enumerate().rev() {
        let below = children.get_mut(index).map(std::mem::take).unwrap_or_default();
        let told = tell(flame, frame, below);
        match frame.caller.and_then(|caller| children.get_mut(caller)) {
            Some(siblings) => siblings.push(told),
            None => roots.push(told),
        }
    }
    by_time(roots)
}

fn tell(flame: &Flame, frame: &flame::Frame, children: Vec<Frame>) -> Frame {
    Frame {
        service: frame.name.service.clone(),
        name: frame.name.operation.clone(),
        kind: frame.name.kind.as_str().to_owned(),
        self_ns: frame.self_ns,
        total_ns: frame.total_ns,
        share: flame.share(frame),
        traces: frame.traces,
        children: by_time(children),
    }
}

fn by_time(mut frames: Vec<Frame>) -> Vec<Frame> {
    frames.sort_by_key(|frame| std::cmp::Reverse(frame.total_ns));
    frames
}

/// `GET /api/v1/explain`
pub(in crate::query) async fn explain(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let now_unix_ns = timestamp::now_unix_ns();
    let selection = read_one(&uri, now_unix_ns)?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budgets = cancel.two_sample_budgets(state.limits());
    let compare = move || {
        let groups = (&selection, &everything_beside(&selection));
        let (selected, all) = load_two(store.as_ref(), groups, now_unix_ns, &budgets)?;
        let cut = selected.is_cut || all.is_cut;
        let (sample, rest_sample) = (selected.sample(), all.sample());
        let known: HashSet<_> = selected.traces.iter().map(|(trace_id, _)| *trace_id).collect();
        let others = all.traces.into_iter().filter(|(trace_id, _)| !known.contains(trace_id));
        let rest: Vec<Lifecycle> = others.map(|(_, lifecycle)| lifecycle).collect();
        let selected = selected.lifecycles();
        let facts = analysis::explain(&selected, &rest, MAX_EXPLANATIONS).into_iter().map(|found| Fact {
            key: found.key,
            value: found.value,
            selected_share: found.selected_share,
            rest_share: found.rest_share,
            p_value: found.p_value,
        });
        room.write(&Explanations {
            selected: selected.len(),
            rest: rest.len(),
            cut,
            sample,
            rest_sample,
            facts: facts.collect(),
        })
    };
    state.workers.run(compare).await
}

/// The same service and time, whatever came of it; twice as many traces, as the selected are among them.
fn everything_beside(selection: &Selection) -> Selection {
    let filter = SpanFilter {
        service: selection.filter.service.clone(),
        since_unix_ns: selection.filter.since_unix_ns,
        until_unix_ns: selection.filter.until_unix_ns,
        ..SpanFilter::default()
    };
    Selection { filter, version: None, limit: selection.limit.saturating_mul(2) }
}
