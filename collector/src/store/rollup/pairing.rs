//! Finds the two ends of each call among spans that come in any order.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::time::Duration;

use throughline_model::id::{SpanId, TraceId};

use super::PATIENCE;
use super::call::{End, Side};
use super::names::Name;
use crate::store::hash::FastMap;

/// Ends that may wait; beyond, the ones that have waited longest count as they are.
const MAX_WAITING: usize = 100_000;

/// A call whose ends are as known as they will be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Caller and callee.
    Both(End, End),
    /// The span of one end only.
    One(End),
}

type Key = (TraceId, SpanId, Side);

#[derive(Debug)]
struct Waiting {
    since: Duration,
    end: End,
    /// Its call is counted, or is none; it stays for others to find it.
    is_settled: bool,
}

/// Ends that wait. Times are measured from any fixed moment and never run backwards.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// In the order in which they came. They lie here and not in a table, so that the first ones, which nothing has looked at
    /// for long, are met side by side when they are given up.
    waiting: VecDeque<Waiting>,
    /// How many were given up: the number of the first that waits.
    given_up: u64,
    /// The number of each end.
    ends: FastMap<Key, u64>,
    /// Ends whose parent has not come, by that parent.
    children: FastMap<(TraceId, SpanId), VecDeque<Key>>,
}

impl Pairing {
    /// Whether this end came before and is not forgotten yet.
    pub(super) fn knows(&self, trace_id: TraceId, span_id: SpanId, side: Side) -> bool {
        self.ends.contains_key(&(trace_id, span_id, side))
    }

    /// Puts other numbers in the place of names.
    pub(super) fn rename(&mut self, mut new: impl FnMut(Name) -> Name) {
        for Waiting { end, .. } in &mut self.waiting {
            (end.service, end.peer, end.route) = (new(end.service), new(end.peer), new(end.route));
        }
    }

    /// Takes an end that is not known; calls that are known now are handed to `count`.
    pub(super) fn push(&mut self, mut end: End, now: Duration, count: &mut dyn FnMut(Call)) {
        let key = end.key();
        let mut is_settled = self.meet_parent(&mut end, count);
        let children = self.children.remove(&(end.trace_id, end.span_id)).unwrap_or_default();
        for child in children {
            is_settled |= self.meet_child(&end, child, count);
        }
        if end.side == Side::Client
            && let Some(server) = self.get_mut((end.trace_id, end.span_id, Side::Server))
        {
            // As in Zipkin, both ends share one id.
            if !server.is_settled {
                count(Call::Both(end, server.end));
            }
            server.is_settled = true;
            is_settled = true;
        }
        if end.side == Side::Server && end.parent.is_none() && !is_settled {
            is_settled = true;
            count(Call::One(end));
        }
        self.ends.insert(key, self.given_up + self.waiting.len() as u64);
        self.waiting.push_back(Waiting { since: now, end, is_settled });
        while self.waiting.len() > MAX_WAITING {
            self.give_up_first(count);
        }
    }

    /// Counts what has waited for long enough.
    pub(super) fn expire(&mut self, now: Duration, count: &mut dyn FnMut(Call)) {
        while self.waiting.front().is_some_and(|first| now.saturating_sub(first.since) >= PATIENCE) {
            self.give_up_first(count);
        }
    }

    /// Looks for the span that caused a new end. Returns whether the call of that end is settled.
    fn meet_parent(&mut self, end: &mut End, count: &mut dyn FnMut(Call)) -> bool {
        let own = (end.side == Side::Server).then_some(end.span_id);
        for id in own.into_iter().chain(end.parent) {
            if let Some(client) = self.get_mut((end.trace_id, id, Side::Client)) {
                let is_answered = meet(&client.end, end, count);
                client.is_settled |= is_answered;
                return is_answered && end.side == Side::Server;
            }
        }
        let Some(parent) = end.parent else {
            return false;
        };
        if let Some(server) = self.get_mut((end.trace_id, parent, Side::Server)) {
            return below_server(&server.end, end);
        }
        let key = end.key();
        self.children.entry((end.trace_id, parent)).or_default().push_back(key);
        false
    }

    /// A span that came before its parent `end`. Returns whether the call of the parent is settled.
    fn meet_child(&mut self, end: &End, child: Key, count: &mut dyn FnMut(Call)) -> bool {
        let Some(child) = self.get_mut(child) else {
            return false;
        };
        match end.side {
            Side::Client if child.is_settled && child.end.side == Side::Server => false,
            Side::Client => {
                let is_answered = meet(end, &child.end, count);
                child.is_settled |= is_answered && child.end.side == Side::Server;
                is_answered
            }
            Side::Server => {
                child.is_settled |= below_server(end, &mut child.end);
                false
            }
        }
    }

    fn get_mut(&mut self, key: Key) -> Option<&mut Waiting> {
        let place = self.ends.get(&key)?.checked_sub(self.given_up)?;
        self.waiting.get_mut(usize::try_from(place).ok()?)
    }

    fn give_up_first(&mut self, count: &mut dyn FnMut(Call)) {
        let Some(waiting) = self.waiting.pop_front() else {
            return;
        };
        let (number, key) = (self.given_up, waiting.end.key());
        self.given_up += 1;
        match self.ends.entry(key) {
            Entry::Occupied(known) if *known.get() == number => known.remove(),
            // A later end took its place.
            _ => return,
        };
        if let Some(parent) = waiting.end.parent {
            self.forget_child((key.0, parent), key);
        }
        if !waiting.is_settled {
            count(Call::One(waiting.end));
        }
    }

    fn forget_child(&mut self, parent: (TraceId, SpanId), child: Key) {
        if let Some(children) = self.children.get_mut(&parent) {
            // Children leave in the order in which they came, so this one is the first.
            children.pop_front_if(|key| *key == child);
            if children.is_empty() {
                self.children.remove(&parent);
            }
        }
    }
}

impl End {
    fn key(&self) -> Key {
        (self.trace_id, self.span_id, self.side)
    }
}

/// A client span and a span that it caused: a server span completes the call, and a client span of the same service (the
/// proxy's, below that of the application) stands for it. Returns whether the client span needs no other answer.
fn meet(client: &End, child: &End, count: &mut dyn FnMut(Call)) -> bool {
    match child.side {
        Side::Server => {
            count(Call::Both(*client, *child));
            true
        }
        Side::Client => client.service == child.service,
    }
}

/// A span directly below a server span. A server span of the same service is the same end of the same call, reported by
/// the application behind the proxy: it is settled. One of another service was called by it, though no client span says so.
fn below_server(parent: &End, child: &mut End) -> bool {
    if child.side == Side::Client || parent.service == child.service {
        return child.side == Side::Server;
    }
    child.peer = parent.service;
    false
}
