//! How many files may be open, and how many of them connections may be.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ingest::ConnectionLimits;

/// Files that blocks, log and merges may have open, where the system allows enough.
const FOR_STORE: u64 = 1_024;
/// Connections for questions only, so that senders cannot take every place.
const FOR_QUESTIONS: u64 = 256;
/// With fewer places for connections the operator should know.
const FEW: u64 = 4_096;

/// A shell allows few open files unless it is asked: as many as may be asked for. Returns how many that are.
pub(super) fn allow_many_connections() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, limit = limit.current, "cannot raise the number of open files");
            limit.current
        }
    };
    let files = files.unwrap_or(u64::MAX);
    if files < FEW {
        let connections = for_connections(files);
        tracing::warn!(
            files,
            connections,
            "the system allows few open files (ulimit -n), and so few connections"
        );
    }
    files
}

/// How many of these files may be connections of senders.
pub(super) fn for_connections(files: u64) -> usize {
    let kept = FOR_STORE.min(files / 4) + for_questions(files);
    usize::try_from(files.saturating_sub(kept)).unwrap_or(usize::MAX)
}

fn for_questions(files: u64) -> u64 {
    FOR_QUESTIONS.min(files / 8)
}

/// The same limits with the places that are for questions only.
pub(super) fn with_questions(limits: &ConnectionLimits) -> ConnectionLimits {
    // For few files the part is smaller: of `files`, five eighths are for senders and one for questions.
    let more = FOR_QUESTIONS.min(limits.max_in_all as u64 / 5);
    let max_in_all = limits.max_in_all.saturating_add(usize::try_from(more).unwrap_or(0));
    ConnectionLimits { max_in_all, ..limits.clone() }
}

#[cfg(test)]
mod tests;
