//! One slot of the table as bytes: a version byte, then entries, each with a length for what varies.

use throughline_model::context::{TraceContext, TraceFlags, TraceState};
use throughline_model::id::{SpanId, TraceId};

/// Most entries of a slot.
pub(super) const MAX_ENTRIES: usize = 8;
/// Longest `tracestate` that is kept with an entry; of a longer one only our own member is.
const MAX_STATE_BYTES: usize = 512;
/// After this time a request counts as gone, whatever became of the worker that was to say so.
const MAX_AGE_NS: u64 = 3_600_000_000_000;
/// Room that is set aside for an entry being written; longer ones have the buffer grow.
const TYPICAL_ENTRY_BYTES: usize = 192;
/// Written first, so that a module of another version never reads what it does not know.
const FORMAT: u8 = 1;

/// An inbound request; its parts of varying length stay where they are, since a slot is read and written twice for
/// each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    request_id: &'a [u8],
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    state: &'a [u8],
    entered_unix_ns: u64,
    pub(super) is_answered: bool,
    /// A request with the same id was pushed out, so this one may not be the only candidate.
    pub(super) is_doubtful: bool,
}

/// The part of a context's `tracestate` that is kept with an entry.
pub(super) fn kept_state(context: &TraceContext) -> String {
    let whole = context.state.to_header().unwrap_or_default();
    if whole.len() <= MAX_STATE_BYTES { whole } else { context.state.own_member().unwrap_or_default() }
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        request_id: &'a [u8],
        context: &TraceContext,
        kept_state: &'a str,
        now_unix_ns: u64,
    ) -> Self {
        Self {
            request_id,
            trace_id: context.trace_id,
            span_id: context.span_id,
            flags: context.flags,
            state: kept_state.as_bytes(),
            entered_unix_ns: now_unix_ns,
            is_answered: false,
            is_doubtful: false,
        }
    }

    pub(super) fn matches(&self, request_id: &[u8], now_unix_ns: u64) -> bool {
        self.request_id == request_id && self.is_young(now_unix_ns)
    }

    pub(super) fn is_of_the_trace_of(&self, other: &Self) -> bool {
        self.trace_id == other.trace_id
    }

    pub(super) fn to_context(&self) -> TraceContext {
        TraceContext {
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
            state: TraceState::parse([self.state].into_iter()),
        }
    }

    /// The lost request may still make calls with this id, unless it is of the same trace and answered.
    fn note_loss_of(&mut self, lost: &Self) {
        let may_call = !lost.is_answered || lost.is_doubtful || lost.trace_id != self.trace_id;
        self.is_doubtful |= may_call && lost.request_id == self.request_id;
    }

    fn is_young(&self, now_unix_ns: u64) -> bool {
        now_unix_ns.saturating_sub(self.entered_unix_ns) < MAX_AGE_NS
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.trace_id.as_bytes());
        bytes.extend_from_slice(self.span_id.as_bytes());
        bytes.extend_from_slice(&self.entered_unix_ns.to_le_bytes());
        bytes.push(self.flags.bits());
        bytes.push(u8::from(self.is_answered) | u8::from(self.is_doubtful) << 1);
        // Both lengths are capped far below 65,536 where the parts are made.
        bytes.extend_from_slice(&(self.request_id.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(self.state.len() as u16).to_le_bytes());
        bytes.extend_from_slice(self.request_id);
        bytes.extend_from_slice(self.state);
    }

    fn decode(rest: &mut &'a [u8]) -> Option<Self> {
        let trace_id = TraceId::from_bytes(&take::<16>(rest)?)?;
        let span_id = SpanId::from_bytes(&take::<8>(rest)?)?;
        let entered_unix_ns = u64::from_le_bytes(take(rest)?);
        let [flags, marks] = take::<2>(rest)?;
        let request_id_length = u16::from_le_bytes(take(rest)?);
        let state_length = u16::from_le_bytes(take(rest)?);
        Some(Self {
            trace_id,
            span_id,
            entered_unix_ns,
            flags: TraceFlags::from_bits(flags),
            is_answered: marks & 1 != 0,
            is_doubtful: marks & 2 != 0,
            request_id: take_slice(rest, request_id_length.into())?,
            state: take_slice(rest, state_length.into())?,
        })
    }
}

/// Some entries, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Slot<'a> {
    /// Adds an entry; in a full slot the oldest answered one makes room, or else the oldest.
    pub(super) fn push(&mut self, entry: Entry<'a>, now_unix_ns: u64) {
        self.entries.retain(|entry| entry.is_young(now_unix_ns));
        let place = self.entries.iter().position(|entry| entry.is_answered).unwrap_or(0);
        let victim = (self.entries.len() >= MAX_ENTRIES).then(|| self.entries.remove(place));
        self.entries.push(entry);
        if let Some(victim) = victim {
            self.entries.iter_mut().for_each(|entry| entry.note_loss_of(&victim));
        }
    }

    pub(super) fn mark_answered(&mut self, request_id: &[u8], span_id: SpanId) {
        self.entries
            .iter_mut()
            .filter(|entry| entry.request_id == request_id && entry.span_id == span_id)
            .for_each(|entry| entry.is_answered = true);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.entries.len() * TYPICAL_ENTRY_BYTES);
        bytes.push(FORMAT);
        self.entries.iter().for_each(|entry| entry.encode(&mut bytes));
        bytes
    }

    /// Reads what [`Slot::encode`] wrote; anything else is an empty slot.
    pub(super) fn decode(bytes: &'a [u8]) -> Self {
        let Some((&FORMAT, mut rest)) = bytes.split_first() else {
            return Self::default();
        };
        let mut entries = Vec::with_capacity(MAX_ENTRIES);
        while !rest.is_empty() && entries.len() < MAX_ENTRIES {
            match Entry::decode(&mut rest) {
                Some(entry) => entries.push(entry),
                None => return Self::default(),
            }
        }
        Self { entries }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    take_slice(rest, N)?.try_into().ok()
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}
