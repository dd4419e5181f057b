//! `GET /api/v1/completeness`: of the spans that were due, how many arrived, and why the others did not.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selection::load;
use crate::analyse::ledger::{Account, Ledger};
use crate::query::find::Cancel;
use crate::query::held::HeldAnswer;
use crate::query::parameter::selection::read_one;
use crate::query::problem::Problem;
use crate::query::{QueryState, timestamp, trace};

/// The ledger of some traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completeness {
    /// Traces that were looked at.
    pub traces: usize,
    /// There may be more.
    pub cut: bool,
    /// Everything together.
    #[serde(flatten)]
    pub all: Figures,
    /// By the service at whose side spans are or should be; the least complete first.
    pub workloads: Vec<WorkloadFigures>,
    /// Server spans by who announced them and who should have sent them; the least complete first.
    pub edges: Vec<EdgeFigures>,
}

/// What was due and what arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Spans that arrived.
    pub arrived: u64,
    /// Spans that are missing, by cause.
    pub missing: BTreeMap<String, u64>,
    /// Of what was due, how much arrived; `null` when nothing was due.
    pub percent: Option<f64>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadFigures {
    /// Its service.
    pub service: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeFigures {
    /// Who announced a server span.
    pub client: String,
    /// Who sent it, or the address that it was expected from.
    pub server: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// `GET /api/v1/completeness`
pub(in crate::query) async fn completeness(
    State(state): State<QueryState>,
    uri: Uri,
) -> Result<HeldAnswer, Problem> {
    let selection = read_one(&uri, timestamp::now_unix_ns())?;
    let (store, room, mut cancel) = (Arc::clone(&state.store), state.answers.clone(), Cancel::default());
    let budget = cancel.sample_budget(state.limits());
    let book = move || {
        let mut loaded = load(store.as_ref(), &selection, &budget)?;
        trace::name_causes(store.as_ref(), loaded.traces.iter_mut().map(|(_, lifecycle)| lifecycle))?;
        let mut ledger = Ledger::default();
        loaded.traces.iter().for_each(|(_, lifecycle)| ledger.book(lifecycle));
        room.write(&Completeness { traces: loaded.traces.len(), cut: loaded.is_cut, ..tell(&ledger) })
    };
    state.workers.run(book).await
}

fn tell(ledger: &Ledger) -> Completeness {
    let mut workloads: Vec<WorkloadFigures> = ledger
        .workloads
        .iter()
        .map(|(service, account)| WorkloadFigures { service: service.clone(), figures: figures(account) })
        .collect();
    let mut edges: Vec<EdgeFigures> = ledger
        .edges
        .iter()
        .map(|((client, server), account)| EdgeFigures {
            client: client.clone(),
            server: server.clone(),
            figures: figures(account),
        })
        .collect();
    let percent = |figures: &Figures| figures.percent.unwrap_or(100.0);
    workloads.sort_by(|left, right| percent(&left.figures).total_cmp(&percent(&right.figures)));
    edges.sort_by(|left, right| percent(&left.figures).total_cmp(&percent(&right.figures)));
    Completeness { traces: 0, cut: false, all: figures(&ledger.all), workloads, edges }
}

fn figures(account: &Account) -> Figures {
    Figures {
        arrived: account.arrived,
        missing: account.missing.iter().map(|(cause, count)| (cause.as_str().to_owned(), *count)).collect(),
        percent: account.share().map(|share| 100.0 * share),
    }
}
