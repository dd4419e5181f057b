//! Takes a few minutes of observation for a whole day, for demonstrations and tests. Whatever is said of a baseline that was
//! made so says that it was.

use std::collections::BTreeMap;

use crate::alert::error_rate::Minute;
use crate::alert::sample::Sample;
use crate::alert::subject::Subject;

/// A day and what the detectors hold back.
const MADE_MINUTES: i64 = 1440 + 120;

/// Minutes that are kept until there are enough.
#[derive(Debug, Default)]
pub(in super::super) struct FastForward {
    wanted: Option<u32>,
    kept: BTreeMap<i64, BTreeMap<Subject, Sample>>,
    is_done: bool,
}

/// A made-up day.
pub(in super::super) struct MadeDay {
    last: Minute,
    kept: Vec<BTreeMap<Subject, Sample>>,
}

impl FastForward {
    pub(in super::super) fn after(minutes: u32) -> Self {
        Self { wanted: Some(minutes.max(1)), ..Self::default() }
    }

    pub(super) fn keep(&mut self, minute: Minute, samples: &BTreeMap<Subject, Sample>) {
        if self.wanted.is_some() {
            self.kept.insert(minute.0, samples.clone());
        }
    }

    /// The day, once enough whole minutes were kept; the first minute with traffic began somewhere in it and is left out.
    pub(super) fn take(&mut self, newest: Minute) -> Option<MadeDay> {
        let wanted = self.wanted? as usize;
        let with_traffic = self.kept.iter().filter(|(_, samples)| !samples.is_empty());
        let whole: Vec<_> = with_traffic.skip(1).filter(|(minute, _)| **minute < newest.0).collect();
        if whole.len() < wanted {
            return None;
        }
        let kept = whole.into_iter().map(|(_, samples)| samples.clone()).collect();
        self.wanted = None;
        self.kept.clear();
        self.is_done = true;
        Some(MadeDay { last: Minute(newest.0 - 1), kept })
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}

impl MadeDay {
    /// The kept minutes again and again, up to the last whole one.
    pub(super) fn minutes(&self) -> impl Iterator<Item = (Minute, &BTreeMap<Subject, Sample>)> {
        let first = self.last.0 + 1 - MADE_MINUTES;
        (first..=self.last.0).map(Minute).zip(self.kept.iter().cycle())
    }
}
