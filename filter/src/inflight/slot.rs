//! One slot of the table as bytes: a version byte, then entries, each with a length for what varies. A slot is changed
//! twice for each request, so it is changed in place.

use throughline_model::context::{TraceContext, TraceFlags, TraceState};
use throughline_model::id::{SpanId, TraceId};

/// Most entries of a slot.
pub(super) const MAX_ENTRIES: usize = 8;
/// Most of them that are answered: each costs a look, twice for every request.
const MAX_ANSWERED: usize = 2;
/// After this time a request counts as gone, whatever became of the worker that was to say so.
const MAX_AGE_NS: u64 = 3_600_000_000_000;
/// Written first, so that a module of another version never reads what it does not know.
const FORMAT: u8 = 1;
/// Where an entry has its marks: behind both ids, the time and the flags.
const MARKS_AT: usize = 16 + 8 + 8 + 1;
/// The marks of an entry.
const ANSWERED: u8 = 1;
const DOUBTFUL: u8 = 2;

/// An inbound request; its parts of varying length stay where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl<'a> Entry<'a> {
    /// A request in flight. Neither part of varying length may have 65,536 bytes.
    pub(super) fn new(
        request_id: &'a [u8],
        context: &TraceContext,
        state: &'a str,
        now_unix_ns: u64,
    ) -> Self {
        debug_assert!(request_id.len().max(state.len()) <= usize::from(u16::MAX));
        Self {
            request_id,
            trace_id: context.trace_id,
            span_id: context.span_id,
            flags: context.flags,
            state: state.as_bytes(),
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

    pub(super) fn to_context(self) -> TraceContext {
        TraceContext {
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
            state: TraceState::parse([self.state].into_iter()),
        }
    }

    /// The lost request may still make calls with this id, unless it is of the same trace and answered.
    fn is_in_doubt_without(&self, lost: &Self) -> bool {
        let may_call = !lost.is_answered || lost.is_doubtful || lost.trace_id != self.trace_id;
        may_call && lost.request_id == self.request_id
    }

    fn is_young(&self, now_unix_ns: u64) -> bool {
        now_unix_ns.saturating_sub(self.entered_unix_ns) < MAX_AGE_NS
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.trace_id.as_bytes());
        bytes.extend_from_slice(self.span_id.as_bytes());
        bytes.extend_from_slice(&self.entered_unix_ns.to_le_bytes());
        let answered = if self.is_answered { ANSWERED } else { 0 };
        let doubtful = if self.is_doubtful { DOUBTFUL } else { 0 };
        bytes.extend_from_slice(&[self.flags.bits(), answered | doubtful]);
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
            is_answered: marks & ANSWERED != 0,
            is_doubtful: marks & DOUBTFUL != 0,
            request_id: take_slice(rest, request_id_length.into())?,
            state: take_slice(rest, state_length.into())?,
        })
    }
}

/// The entries of a slot with the places where they begin and end, oldest first. Of bytes that are no slot of ours,
/// or a damaged one, there are none.
pub(super) fn entries(bytes: &[u8]) -> impl Iterator<Item = (usize, usize, Entry<'_>)> {
    let mut rest = readable(bytes);
    std::iter::from_fn(move || {
        let start = bytes.len() - rest.len();
        let entry = Entry::decode(&mut rest)?;
        Some((start, bytes.len() - rest.len(), entry))
    })
}

/// The entries' bytes, if each of them can be read.
fn readable(bytes: &[u8]) -> &[u8] {
    let Some((&FORMAT, all)) = bytes.split_first() else { return &[] };
    let (mut rest, mut count) = (all, 0);
    while !rest.is_empty() {
        count += 1;
        if count > MAX_ENTRIES || skip(&mut rest).is_none() {
            return &[];
        }
    }
    all
}

/// Passes over an entry that [`Entry::decode`] can read, without reading all of it.
fn skip(rest: &mut &[u8]) -> Option<()> {
    let has_trace_id = take::<16>(rest)? != [0; 16];
    let has_span_id = take::<8>(rest)? != [0; 8];
    take::<{ MARKS_AT + 1 - 24 }>(rest)?;
    let lengths = [take::<2>(rest)?, take::<2>(rest)?].map(u16::from_le_bytes);
    take_slice(rest, lengths.into_iter().map(usize::from).sum())?;
    (has_trace_id && has_span_id).then_some(())
}

/// Adds an entry; in a full slot, and in one with enough of them, the oldest answered one makes room, or else the oldest.
pub(super) fn push(bytes: &mut Vec<u8>, entry: &Entry<'_>, now_unix_ns: u64) {
    let (mut count, mut answered_count, mut has_old) = (0, 0, false);
    let (mut oldest, mut answered) = (None, None);
    for (start, end, entry) in entries(bytes) {
        count += 1;
        answered_count += usize::from(entry.is_answered);
        oldest = oldest.or(Some(start..end));
        answered = answered.or(entry.is_answered.then_some(start..end));
        has_old |= !entry.is_young(now_unix_ns);
    }
    if has_old {
        remove_old(bytes, now_unix_ns);
        push(bytes, entry, now_unix_ns);
        return;
    }
    if count == 0 {
        bytes.clear();
        bytes.push(FORMAT);
    }
    let victim = answered.or(oldest).filter(|_| count >= MAX_ENTRIES || answered_count >= MAX_ANSWERED);
    let lost: Option<Vec<u8>> = victim.map(|place| bytes.drain(place).collect());
    entry.encode(bytes);
    if let Some(lost) = lost.as_deref().and_then(|mut bytes| Entry::decode(&mut bytes)) {
        mark(bytes, DOUBTFUL, |entry| entry.is_in_doubt_without(&lost));
    }
}

fn remove_old(bytes: &mut Vec<u8>, now_unix_ns: u64) {
    loop {
        let old = entries(bytes).find(|(.., entry)| !entry.is_young(now_unix_ns));
        let Some((start, end, _)) = old else { return };
        bytes.drain(start..end);
    }
}

/// Marks an entry as answered.
pub(super) fn mark_answered(bytes: &mut [u8], request_id: &[u8], span_id: SpanId) {
    mark(bytes, ANSWERED, |entry| entry.span_id == span_id && entry.request_id == request_id);
}

fn mark(bytes: &mut [u8], mark: u8, is_meant: impl Fn(&Entry<'_>) -> bool) {
    let mut marked = [0; MAX_ENTRIES];
    let places = entries(bytes).filter(|(.., entry)| is_meant(entry)).map(|(start, ..)| start + MARKS_AT);
    let count = marked.iter_mut().zip(places).map(|(place, at)| *place = at).count();
    for at in marked.iter().take(count) {
        if let Some(marks) = bytes.get_mut(*at) {
            *marks |= mark;
        }
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
