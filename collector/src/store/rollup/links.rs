//! How the calls of an edge are tied to the requests that caused them, by kind of evidence.

use throughline_model::link::LinkKind;

/// Calls by the kind of their link. A call of whose link no span tells is in none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links([u64; LinkKind::ALL.len()]);

impl Links {
    /// Calls with a link of this kind.
    pub fn of(&self, kind: LinkKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or_default()
    }

    /// The kinds that any call has, strongest first, each with its number of calls.
    pub fn iter(&self) -> impl Iterator<Item = (LinkKind, u64)> {
        LinkKind::ALL.into_iter().zip(self.0).filter(|(_, calls)| *calls > 0)
    }

    /// Counts calls with a link of this kind.
    pub(crate) fn observe(&mut self, kind: LinkKind, calls: u64) {
        if let Some(known) = self.0.get_mut(kind as usize) {
            *known = known.saturating_add(calls);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.iter().for_each(|(kind, calls)| self.observe(kind, calls));
    }
}
