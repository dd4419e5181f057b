//! The completeness ledger: of the spans that were due, how many arrived, by workload and by edge, and why the others did not.

use std::collections::BTreeMap;

use throughline_model::span::SpanKind;

use crate::assemble::{GapCause, GapReason, Lifecycle};

/// What was due and what arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Spans that arrived.
    pub arrived: u64,
    /// Spans that are missing, by cause.
    pub missing: BTreeMap<GapCause, u64>,
}

impl Account {
    /// The share of what was due that arrived, 0 to 1; `None` when nothing was due.
    pub fn share(&self) -> Option<f64> {
        let due = self.arrived + self.missing.values().sum::<u64>();
        (due > 0).then(|| self.arrived as f64 / due as f64)
    }

    fn miss(&mut self, cause: GapCause) {
        *self.missing.entry(cause).or_default() += 1;
    }
}

/// All accounts of some traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Everything together.
    pub all: Account,
    /// By the service at whose side spans are: its own, and those missing that its spans announced or named.
    pub workloads: BTreeMap<String, Account>,
    /// Server spans that client spans announced, by caller and callee; the callee is an address where its span is missing.
    pub edges: BTreeMap<(String, String), Account>,
}

impl Ledger {
    /// Books one trace, whose gaps have their causes.
    pub fn book(&mut self, lifecycle: &Lifecycle) {
        for placed in &lifecycle.spans {
            let service = placed.span.service_name();
            self.all.arrived += 1;
            self.workloads.entry(service.to_owned()).or_default().arrived += 1;
            let caller = placed.parent.and_then(|parent| lifecycle.spans.get(parent));
            if let Some(caller) = caller.filter(|caller| caller.span.kind == SpanKind::Client)
                && placed.span.kind == SpanKind::Server
            {
                let edge = (caller.span.service_name().to_owned(), service.to_owned());
                self.edges.entry(edge).or_default().arrived += 1;
            }
        }
        for gap in &lifecycle.gaps {
            self.all.miss(gap.cause);
            self.workloads.entry(gap.service.clone()).or_default().miss(gap.cause);
            if gap.reason == GapReason::NoServerSpan {
                let callee = gap.target.clone().unwrap_or_else(|| "unknown host".to_owned());
                self.edges.entry((gap.service.clone(), callee)).or_default().miss(gap.cause);
            }
        }
    }
}

#[cfg(test)]
mod tests;
