//! Suspects: which services, and which edges between them, explain what changed from one window of time to another.
//!
//! Four kinds of evidence are weighed, each as a lower bound of an effect, so that few calls and wide spread count for
//! little. A service is blamed for time of its own, not for that of the calls it makes; an edge between two services is
//! blamed on the one whose other edges changed as well; where calls are missing, on what was called last before them,
//! unless a caller stops at one place after another; for an error, on where it began and not on who carried it on.

mod effect;
mod evidence;
mod profile;
mod reason;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::Window;

use evidence::{Blame, Finding};
use profile::Profile;

/// What explains the change, the strongest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspects {
    /// Every service of either window.
    pub services: Vec<Suspect>,
    /// Every edge on which something changed.
    pub edges: Vec<SuspectEdge>,
}

/// A service, and how much of the change it explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The service.
    pub service: Arc<str>,
    /// 0 explains nothing; there is no upper end. Scores compare within one answer only.
    pub score: f64,
    /// The strongest finding against it, in words.
    pub reason: String,
}

/// An edge, and how much more time its calls spent between the two services.
#[derive(Clone, Debug, PartialEq)]
pub struct SuspectEdge {
    /// Who called.
    pub caller: Arc<str>,
    /// Who was called.
    pub callee: Arc<str>,
    /// As for services.
    pub score: f64,
    /// The finding in words.
    pub reason: String,
}

/// Ranks all services of two windows. The same windows give the same answer, whatever the order of their traces.
pub fn rank(normal: &Window, abnormal: &Window) -> Suspects {
    let (normal, abnormal) = (Profile::of(normal), Profile::of(abnormal));
    let blames = evidence::weigh(&normal, &abnormal);
    let mut of_service: BTreeMap<Arc<str>, Vec<Blame>> =
        normal.services().chain(abnormal.services()).map(|service| (service, Vec::new())).collect();
    let mut of_edge: BTreeMap<(Arc<str>, Arc<str>), Blame> = BTreeMap::new();
    for blame in blames {
        if let Finding::Between { caller, callee, .. } = &blame.finding {
            let edge = (Arc::clone(caller), Arc::clone(callee));
            let before = of_edge.get(&edge).map_or(0.0, |known| known.edge_score);
            if blame.edge_score > before {
                of_edge.insert(edge, blame.clone());
            }
        }
        of_service.entry(Arc::clone(&blame.service)).or_default().push(blame);
    }
    let mut services: Vec<Suspect> =
        of_service.into_iter().map(|(service, blames)| conclude(service, &blames)).collect();
    services.sort_by(|left, right| right.score.total_cmp(&left.score));
    let mut edges: Vec<SuspectEdge> = of_edge
        .into_iter()
        .map(|((caller, callee), blame)| SuspectEdge {
            caller,
            callee,
            score: blame.edge_score,
            reason: reason::tell(&blame.finding),
        })
        .collect();
    edges.sort_by(|left, right| right.score.total_cmp(&left.score));
    Suspects { services, edges }
}

fn conclude(service: Arc<str>, blames: &[Blame]) -> Suspect {
    let strongest = blames.iter().rev().max_by(|left, right| left.weight.total_cmp(&right.weight));
    Suspect {
        // The sum of no numbers is the negative zero, which readers would wonder about.
        score: blames.iter().fold(0.0, |sum, blame| sum + blame.weight),
        reason: strongest.map_or_else(|| reason::NOTHING.to_owned(), |blame| reason::tell(&blame.finding)),
        service,
    }
}

/// The plain rule to compare with: services by how many times longer their calls took on average, all that they waited
/// for included. It blames whoever waits for a slow service as much as that service.
pub fn rank_by_duration(normal: &Window, abnormal: &Window) -> Vec<Suspect> {
    let (normal, abnormal) = (mean_durations(normal), mean_durations(abnormal));
    let mut services: Vec<Suspect> = normal
        .iter()
        .map(|(service, before)| {
            let after = abnormal.get(service).copied().unwrap_or(0.0);
            Suspect {
                service: Arc::clone(service),
                score: after / before.max(1.0),
                reason: format!(
                    "its calls took {} on average, {} before",
                    reason::duration(after),
                    reason::duration(*before)
                ),
            }
        })
        .collect();
    services.sort_by(|left, right| right.score.total_cmp(&left.score));
    services
}

fn mean_durations(window: &Window) -> BTreeMap<Arc<str>, f64> {
    let mut sums: BTreeMap<Arc<str>, (f64, f64)> = BTreeMap::new();
    for call in window.traces.iter().flatten() {
        let sum = sums.entry(Arc::clone(&call.service)).or_default();
        sum.0 += call.server.length_ns() as f64;
        sum.1 += 1.0;
    }
    sums.into_iter().map(|(service, (sum, calls))| (service, sum / calls)).collect()
}

#[cfg(test)]
mod tests;
