//! Places for connections: so many in all, and the last ones only for senders that have few.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ConnectionLimits, Peer};
use crate::telemetry::Counters;

/// The part of the places that a loud sender cannot take: one of so many.
const KEPT_FOR_OTHERS: usize = 16;
/// Who has this part of the places, one of so many, is loud.
const LOUD: usize = 4;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Room {
    max_connections: usize,
    max_in_all: usize,
    counters: Arc<Counters>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_sender: HashMap<Peer, usize>,
}

/// An open connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    sender: Peer,
}

impl Room {
    pub(super) fn new(limits: &ConnectionLimits, counters: Arc<Counters>) -> Self {
        let ConnectionLimits { max_connections, max_in_all, .. } = *limits;
        Self { max_connections, max_in_all, counters, taken: Mutex::default() }
    }

    /// A place for one more connection; `None` when there are as many as may be.
    pub(super) fn enter(self: &Arc<Self>, sender: Peer) -> Option<Place> {
        let mut taken = self.taken();
        let of_sender = taken.by_sender.get(&sender).copied().unwrap_or(0);
        let has_room = |open: usize, most: usize| {
            open < most && (open < most - most / KEPT_FOR_OTHERS || of_sender < most / LOUD)
        };
        let open_in_all = usize::try_from(self.counters.connections_open.get()).unwrap_or(0);
        if !has_room(taken.all, self.max_connections) || !has_room(open_in_all, self.max_in_all) {
            return None;
        }
        taken.all += 1;
        taken.by_sender.insert(sender, of_sender + 1);
        self.counters.connections_open.inc();
        Some(Place { room: Arc::clone(self), sender })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.counters.connections_open.dec();
        let mut taken = self.room.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(of_sender) = taken.by_sender.get_mut(&self.sender) {
            *of_sender = of_sender.saturating_sub(1);
            if *of_sender == 0 {
                taken.by_sender.remove(&self.sender);
            }
        }
    }
}

#[cfg(test)]
mod tests;
