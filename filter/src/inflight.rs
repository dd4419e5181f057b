//! Inbound requests by their `x-request-id`, in the store that all workers share, so that an outbound call whose
//! application forwarded only that id finds the request that caused it, on whatever worker it runs.
//!
//! Keys of the shared store can never be erased, so the table has a fixed number of slots with a few entries each;
//! an entry that finds its slot full pushes out the oldest. Two requests in flight with the same id are never
//! told apart: a link must be certain. Nor is an id trusted of which an entry had to go while it mattered.

mod slot;

use throughline_model::context::TraceContext;
use throughline_model::id::SpanId;

use crate::host::{Refused, SharedTable};

use slot::{Entry, Slot, kept_state};

/// What the keys of all slots begin with.
const KEY_PREFIX: &str = "throughline.inflight.";
/// Number of slots; each holds up to [`slot::MAX_ENTRIES`] requests.
const SLOTS: u64 = 512;
/// How often a write that lost a race against another worker is tried again.
const MAX_TRIES: usize = 16;
/// Longer ids are not entered; Envoy's own have 36 characters.
const MAX_ID_BYTES: usize = 128;
/// Where Envoy's tracing writes its own decision into a request id (a UUID's version digit).
const MUTABLE_DIGIT: usize = 14;

/// A request id in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Vec<u8>);

impl RequestId {
    /// Takes a header's value; `None` when it is empty or too long to keep. The digit that Envoy's tracing
    /// rewrites on the way is masked in a UUID.
    pub fn from_header(value: &[u8]) -> Option<Self> {
        if value.is_empty() || value.len() > MAX_ID_BYTES {
            return None;
        }
        let mut id = value.to_vec();
        if is_uuid(value)
            && let Some(digit) = id.get_mut(MUTABLE_DIGIT)
        {
            *digit = b'0';
        }
        Some(Self(id))
    }

    fn key(&self) -> String {
        // FNV-1a spreads the ids well enough over the slots; equality is decided on the ids themselves.
        let hash = self.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        key_of(hash % SLOTS)
    }
}

/// Any characters do, as long as no two slots share them: this is done for every request.
fn key_of(slot: u64) -> String {
    let mut key = String::with_capacity(KEY_PREFIX.len() + 2);
    key.push_str(KEY_PREFIX);
    key.extend([slot >> 5, slot & 31].map(|part| char::from(b'0' + part as u8)));
    key
}

/// The keys of all slots, for whoever moves the table.
pub fn keys() -> impl Iterator<Item = String> {
    (0..SLOTS).map(key_of)
}

fn is_uuid(value: &[u8]) -> bool {
    let is_digit = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    value.len() == 36 && value.iter().enumerate().all(is_digit)
}

/// What the table knows about a request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Exactly one request can have caused the call: continue this context.
    Certain(TraceContext),
    /// So many requests with this id are in flight.
    Ambiguous(usize),
    /// No request with this id is known.
    Unknown,
}

/// Enters an inbound request with the context its calls are to continue.
pub fn enter(
    table: &mut (impl SharedTable + ?Sized),
    id: &RequestId,
    context: &TraceContext,
    now_unix_ns: u64,
) -> Result<(), Refused> {
    let state = kept_state(context);
    change_slot(table, id, &Change::Enter(Entry::new(&id.0, context, &state, now_unix_ns), now_unix_ns))
}

/// Marks an inbound request as answered. It can still be found, for work that goes on after the answer, until
/// its place is needed or another request of its trace is in flight.
pub fn leave(
    table: &mut (impl SharedTable + ?Sized),
    id: &RequestId,
    context: &TraceContext,
) -> Result<(), Refused> {
    change_slot(table, id, &Change::Answer(context.span_id))
}

/// Finds the request that an outbound call with this id belongs to. An id that requests of several traces carried,
/// answered ones included, is no evidence; of several requests of one trace, the only one in flight is the cause.
pub fn find_cause(table: &mut (impl SharedTable + ?Sized), id: &RequestId, now_unix_ns: u64) -> Cause {
    let value = table.shared_value(&id.key());
    let slot = Slot::decode(&value.bytes);
    let entries: Vec<&Entry> =
        slot.entries.iter().filter(|entry| entry.matches(&id.0, now_unix_ns)).collect();
    let Some(first) = entries.first() else {
        return Cause::Unknown;
    };
    let is_one_trace = entries.iter().all(|entry| entry.is_of_the_trace_of(first) && !entry.is_doubtful);
    let mut in_flight = entries.iter().filter(|entry| !entry.is_answered);
    match (is_one_trace, in_flight.next(), in_flight.count(), entries.len()) {
        (true, Some(entry), 0, _) => Cause::Certain(entry.to_context()),
        (true, None, _, 1) => Cause::Certain(first.to_context()),
        (_, _, _, candidates) => Cause::Ambiguous(candidates),
    }
}

/// What is to become of a slot.
enum Change<'a> {
    /// A request came at this time.
    Enter(Entry<'a>, u64),
    /// The request with this span was answered.
    Answer(SpanId),
}

fn change_slot(
    table: &mut (impl SharedTable + ?Sized),
    id: &RequestId,
    change: &Change<'_>,
) -> Result<(), Refused> {
    let key = id.key();
    for _ in 0..MAX_TRIES {
        let value = table.shared_value(&key);
        let mut slot = Slot::decode(&value.bytes);
        match change {
            Change::Enter(entry, now_unix_ns) => slot.push(entry.clone(), *now_unix_ns),
            Change::Answer(span_id) => slot.mark_answered(&id.0, *span_id),
        }
        if table.set_shared_value(&key, &slot.encode(), value.version).is_ok() {
            return Ok(());
        }
    }
    Err(Refused)
}

#[cfg(test)]
mod tests;
