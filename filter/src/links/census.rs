//! The requests in flight in a pod as possible causes of a call, and what their number and tokens say.

use throughline_model::context::{TraceContext, TraceFlags, TraceState};
use throughline_model::id::{SpanId, TraceId};

use super::{Company, Recurrence, Standing};
use crate::headers::{Headers, Known};

/// A request in flight for longer may be a stream of which nobody knows what it still causes.
const MAX_SHORT_NS: u64 = 60_000_000_000;
/// A request whose caller went away may still be worked on for this long.
const MAX_ABANDONED_NS: u64 = 30_000_000_000;
/// Most candidates of a call that are named.
pub const MAX_NAMED_CANDIDATES: usize = 16;

/// How a request stays in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until it is answered.
    Short,
    /// For as long as both sides like: an upgrade, a tunnel, server-sent events.
    Lasting,
    /// Its caller went away without an answer, and the workload may not know.
    Abandoned,
}

impl Stay {
    /// What the headers say. A stream that they do not show is known by its age.
    pub fn of_request(headers: &Headers) -> Self {
        let is_of_events = |known| headers.values(known).any(|value| value.starts_with(b"text/event-stream"));
        let is_lasting = headers.has(Known::Upgrade)
            || headers.has(Known::Protocol)
            || headers.get(Known::Method) == Some(b"CONNECT")
            || is_of_events(Known::Accept)
            || is_of_events(Known::ContentType);
        if is_lasting { Self::Lasting } else { Self::Short }
    }
}

/// A token of a request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The keyed hash of the value.
    pub hash: u64,
    /// What it is worth.
    pub standing: Standing,
}

/// A request that may be the cause of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its SERVER span.
    pub span_id: SpanId,
    /// Its flags.
    pub flags: TraceFlags,
    /// The part of its `tracestate` that its calls are to have.
    pub state: Vec<u8>,
    /// How it stays.
    pub stay: Stay,
    /// Since when it has stayed so.
    pub since_unix_ns: u64,
    /// Its tokens; `None` when nobody looked.
    pub tokens: Option<Vec<Token>>,
}

impl Candidate {
    /// A request that has just come in, with the context its calls are to continue.
    pub fn new(context: &TraceContext, state: &str, stay: Stay, now_unix_ns: u64) -> Self {
        Self {
            trace_id: context.trace_id,
            span_id: context.span_id,
            flags: context.flags,
            state: state.as_bytes().to_vec(),
            stay,
            since_unix_ns: now_unix_ns,
            tokens: None,
        }
    }

    /// The context that a call of this request continues.
    pub fn to_context(&self) -> TraceContext {
        TraceContext {
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
            state: TraceState::parse([self.state.as_slice()].into_iter()),
        }
    }

    /// Whether it was abandoned so long ago that nobody works on it any more.
    pub fn is_over(&self, now_unix_ns: u64) -> bool {
        self.stay == Stay::Abandoned && self.age_ns(now_unix_ns) >= MAX_ABANDONED_NS
    }

    /// Whether it is an ordinary request that will be answered soon.
    pub fn is_short(&self, now_unix_ns: u64) -> bool {
        self.stay == Stay::Short && self.age_ns(now_unix_ns) < MAX_SHORT_NS
    }

    fn age_ns(&self, now_unix_ns: u64) -> u64 {
        now_unix_ns.saturating_sub(self.since_unix_ns)
    }
}

/// Everything in flight in a pod at one moment, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Census<'a> {
    /// The requests that are known one by one.
    pub candidates: Vec<&'a Candidate>,
    /// Further requests of which only the number is known.
    pub others: usize,
    /// Whether every worker's requests are in it.
    pub is_whole: bool,
}

impl<'a> Census<'a> {
    /// How many requests could have caused a call. Where a worker has not told yet, one of its own could have: only who knows
    /// of all of them says that nothing was in flight.
    pub fn count(&self) -> usize {
        let known = self.candidates.len().saturating_add(self.others);
        if self.is_whole { known } else { known.max(1) }
    }

    /// The ids of all of them, if they are all known and not too many.
    pub fn named(&self) -> Vec<(TraceId, SpanId)> {
        if self.others > 0 || !self.is_whole || self.candidates.len() > MAX_NAMED_CANDIDATES {
            return Vec::new();
        }
        self.candidates.iter().map(|candidate| (candidate.trace_id, candidate.span_id)).collect()
    }

    /// Who is in flight, from the view of a call without context.
    pub fn company(&self, now_unix_ns: u64) -> Company {
        let has_short = self.candidates.iter().any(|candidate| candidate.is_short(now_unix_ns));
        match (self.is_whole, has_short || self.others > 0, self.candidates.is_empty()) {
            (false, _, _) | (true, false, false) => Company::Unknown,
            (true, true, _) => Company::Requests,
            (true, false, true) => Company::Nobody,
        }
    }

    /// The only request in flight that carries one of these tokens as its own. Any doubt about any request makes
    /// it none: its tokens were not looked at, or it carries the token too.
    pub fn only_one_with(&self, tokens: &[u64], recurrence: &Recurrence) -> Option<&'a Candidate> {
        if !self.is_whole || self.others > 0 {
            return None;
        }
        let mut found: Option<&'a Candidate> = None;
        for token in tokens.iter().filter(|token| !recurrence.is_recurring(**token)) {
            let mut carrying = None;
            for candidate in &self.candidates {
                let known = candidate.tokens.as_ref()?;
                let Some(own) = known.iter().find(|own| own.hash == *token) else { continue };
                if carrying.is_some() || own.standing == Standing::Recurring {
                    carrying = None;
                    break;
                }
                carrying = Some(*candidate);
            }
            match (found, carrying) {
                // Two tokens that point to different requests contradict each other.
                (Some(first), Some(second)) if first.span_id != second.span_id => return None,
                (None, Some(_)) => found = carrying,
                _ => {}
            }
        }
        found
    }

    /// The only request in flight. A stream beside it, or a request whose caller went away, could have caused the
    /// call as well, and nobody knows when it will; so neither is ever the one, and neither leaves any other.
    pub fn only_one(&self, now_unix_ns: u64) -> Option<&'a Candidate> {
        match self.candidates.as_slice() {
            [one] if self.is_whole && self.others == 0 && one.is_short(now_unix_ns) => Some(one),
            _ => None,
        }
    }

    /// Whether a request in flight carries the token, or may.
    pub fn may_carry(&self, token: u64) -> bool {
        !self.is_whole
            || self.others > 0
            || self.candidates.iter().any(|candidate| {
                candidate.tokens.as_ref().is_none_or(|known| known.iter().any(|own| own.hash == token))
            })
    }
}
