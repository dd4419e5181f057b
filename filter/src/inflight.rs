//! Inbound requests by their `x-request-id`, in the store that all workers share, so that an outbound call whose
//! application forwarded only that id finds the request that caused it, on whatever worker it runs.
//!
//! Keys of the shared store can never be erased, so the table has a fixed number of slots with a few entries each;
//! an entry that finds its slot full pushes out the oldest. Two requests in flight with the same id are never
//! told apart: a link must be certain. Nor is an id trusted of which an entry had to go while it mattered.

mod slot;

use throughline_model::context::TraceContext;

use crate::host::{Host, Refused};

use slot::Entry;

/// What the keys of all slots begin with.
const KEY_PREFIX: &str = "throughline.inflight.";
/// Number of slots; each holds up to [`slot::MAX_ENTRIES`] requests.
pub const SLOTS: usize = 512;
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

    /// FNV-1a spreads the ids well enough over the slots; equality is decided on the ids themselves.
    fn slot(&self) -> usize {
        let hash = self.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash % SLOTS as u64) as usize
    }
}

/// The slots' bytes: those that all workers share, or those of a worker alone.
pub trait Table {
    /// Looks at the bytes of a slot; a slot that nobody has written is empty.
    fn look(&mut self, slot: usize, look: &mut dyn FnMut(&[u8]));
    /// Changes the bytes of a slot. The step may be done several times, each on what is there then, and only the last
    /// counts; `Refused` when another worker was faster each time.
    fn change(&mut self, slot: usize, change: &mut dyn FnMut(&mut Vec<u8>)) -> Result<(), Refused>;
}

impl<H: Host> Table for H {
    fn look(&mut self, slot: usize, look: &mut dyn FnMut(&[u8])) {
        look(&self.shared_value(&key_of(slot)).bytes);
    }

    fn change(&mut self, slot: usize, change: &mut dyn FnMut(&mut Vec<u8>)) -> Result<(), Refused> {
        let key = key_of(slot);
        for _ in 0..MAX_TRIES {
            let mut value = self.shared_value(&key);
            change(&mut value.bytes);
            if self.set_shared_value(&key, &value.bytes, value.version).is_ok() {
                return Ok(());
            }
        }
        Err(Refused)
    }
}

/// The key of a slot in the store that all workers share. Any characters do, as long as no two slots share them.
pub fn key_of(slot: usize) -> String {
    let mut key = String::with_capacity(KEY_PREFIX.len() + 2);
    key.push_str(KEY_PREFIX);
    key.extend([slot >> 5, slot & 31].map(|part| char::from(b'0' + part as u8)));
    key
}

fn is_uuid(value: &[u8]) -> bool {
    let is_digit = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    // Nearly all ids are UUIDs: a pass without early end is cheaper.
    value.len() == 36 && value.iter().enumerate().fold(true, |so_far, digit| so_far & is_digit(digit))
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

/// Enters an inbound request with the context its calls are to continue; `state` is the part of its `tracestate` that
/// they are to have.
pub fn enter(
    table: &mut (impl Table + ?Sized),
    id: &RequestId,
    context: &TraceContext,
    state: &str,
    now_unix_ns: u64,
) -> Result<(), Refused> {
    let entry = Entry::new(&id.0, context, state, now_unix_ns);
    table.change(id.slot(), &mut |bytes| slot::push(bytes, &entry, now_unix_ns))
}

/// Marks an inbound request as answered. It can still be found, for work that goes on after the answer, until
/// its place is needed or another request of its trace is in flight.
pub fn leave(
    table: &mut (impl Table + ?Sized),
    id: &RequestId,
    context: &TraceContext,
) -> Result<(), Refused> {
    table.change(id.slot(), &mut |bytes| slot::mark_answered(bytes, &id.0, context.span_id))
}

/// Finds the request that an outbound call with this id belongs to. An id that requests of several traces carried,
/// answered ones included, is no evidence; of several requests of one trace, the only one in flight is the cause.
pub fn find_cause(table: &mut (impl Table + ?Sized), id: &RequestId, now_unix_ns: u64) -> Cause {
    let mut cause = Cause::Unknown;
    table.look(id.slot(), &mut |bytes| {
        let entries = slot::entries(bytes).map(|(.., entry)| entry);
        cause = cause_among(&entries.filter(|entry| entry.matches(&id.0, now_unix_ns)).collect::<Vec<_>>());
    });
    cause
}

fn cause_among(entries: &[Entry<'_>]) -> Cause {
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

#[cfg(test)]
mod tests;
