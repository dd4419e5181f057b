//! A worker's sign: the one key of the shared table that it writes, with its requests in flight.

use throughline_model::context::TraceFlags;
use throughline_model::id::{SpanId, TraceId};

use super::requests::Requests;
use crate::host::Host;
use crate::links::{Candidate, MAX_TOKENS, Standing, Stay, Token};

/// Most workers that have a key. Keys can never be erased, so their number is fixed.
pub(super) const MAX_WORKERS: usize = 64;
/// Set for good when a worker found no key: from then on nobody knows all that is in flight.
pub(super) const CROWDED_KEY: &str = "throughline.workers.crowded";
/// Most requests that are written down one by one.
const MAX_REQUESTS: usize = 32;
/// Written first, so that a module of another version never reads what it does not know.
const FORMAT: u8 = 1;
/// The number of tokens of a request at whose tokens nobody looked.
const NOT_LOOKED_AT: u8 = u8::MAX;

/// How much of what is in flight is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The requests.
    All,
    /// Only their number, because nobody is there who would read more.
    Number,
}

/// Bits of the byte that says what is not told: anything but the number; which ids all requests in flight have. A module
/// from before the second one reads both as the first.
const NUMBER_ONLY: u8 = 1;
const IDS_MISSING: u8 = 2;

/// What a worker tells of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account<'a> {
    pub(super) requests: &'a Requests,
    pub(super) detail: Detail,
    /// The table of ids has, and will have, all of them.
    pub(super) has_all_ids: bool,
}

/// This worker's key.
#[derive(Debug)]
pub(super) struct Sign {
    number: usize,
    owner: u64,
}

/// What a worker's key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) owner: u64,
    pub(super) has_served: bool,
    pub(super) detail: Detail,
    pub(super) has_all_ids: bool,
    pub(super) in_flight: usize,
    pub(super) candidates: Vec<Candidate>,
}

/// The name of a worker's key.
pub(super) fn key(number: usize) -> String {
    format!("throughline.worker.{number}")
}

impl Sign {
    /// Takes the first key that nobody holds; `None` when all are held, which everybody is told.
    pub(super) fn take(host: &mut impl Host) -> Option<Self> {
        let mut random = [0u8; 8];
        // Without randomness the clock will do: it is only to differ from others.
        let owner = match host.fill_random(&mut random) {
            Ok(()) => u64::from_le_bytes(random),
            Err(_) => host.wall_clock_ns() ^ host.monotonic_ns().rotate_left(32),
        };
        for number in 0..MAX_WORKERS {
            let sign = Self { number, owner };
            let value = host.shared_value(&key(number));
            if value.bytes.is_empty() {
                let requests = &Requests::default();
                let bytes = sign.encode(Account { requests, detail: Detail::All, has_all_ids: false });
                if host.set_shared_value(&key(number), &bytes, value.version).is_ok() {
                    return Some(sign);
                }
            }
        }
        host.put_shared_value(CROWDED_KEY, &[FORMAT]);
        None
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether the key is still this worker's: others free it when it rests for too long.
    pub(super) fn is_kept(&self, host: &mut impl Host) -> bool {
        Report::decode(&host.shared_value(&key(self.number)).bytes)
            .is_some_and(|report| report.owner == self.owner)
    }

    /// Writes down what is in flight. Nobody else writes this key, so no comparison is needed.
    pub(super) fn publish(&self, host: &mut impl Host, account: Account<'_>) {
        host.put_shared_value(&key(self.number), &self.encode(account));
    }

    fn encode(&self, account: Account<'_>) -> Vec<u8> {
        let Account { requests, detail, has_all_ids } = account;
        let untold = if detail == Detail::Number { NUMBER_ONLY } else { 0 }
            | if has_all_ids { 0 } else { IDS_MISSING };
        let mut bytes = vec![FORMAT, u8::from(requests.have_begun()), untold];
        bytes.extend_from_slice(&self.owner.to_le_bytes());
        let in_flight = u32::try_from(requests.count()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&in_flight.to_le_bytes());
        if detail == Detail::All {
            requests.candidates().take(MAX_REQUESTS).for_each(|one| encode_candidate(one, &mut bytes));
        }
        bytes
    }
}

impl Report {
    /// Reads a worker's key; `None` when it is not one, or of another version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [FORMAT, has_served, untold] = take(&mut rest)? else { return None };
        let mut report = Self {
            owner: u64::from_le_bytes(take(&mut rest)?),
            has_served: has_served != 0,
            detail: if untold & NUMBER_ONLY != 0 { Detail::Number } else { Detail::All },
            has_all_ids: untold & IDS_MISSING == 0,
            in_flight: u32::from_le_bytes(take(&mut rest)?) as usize,
            candidates: Vec::new(),
        };
        while !rest.is_empty() && report.candidates.len() < MAX_REQUESTS {
            report.candidates.push(decode_candidate(&mut rest)?);
        }
        Some(report)
    }
}

fn encode_candidate(one: &Candidate, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(one.trace_id.as_bytes());
    bytes.extend_from_slice(one.span_id.as_bytes());
    bytes.extend_from_slice(&one.since_unix_ns.to_le_bytes());
    let stay = match one.stay {
        Stay::Short => 0,
        Stay::Lasting => 1,
        Stay::Abandoned => 2,
    };
    let tokens = one.tokens.as_deref();
    let token_count = tokens.map_or(NOT_LOOKED_AT, |tokens| tokens.len().min(MAX_TOKENS) as u8);
    bytes.extend_from_slice(&[one.flags.bits(), stay, token_count]);
    for token in tokens.unwrap_or_default().iter().take(MAX_TOKENS) {
        bytes.extend_from_slice(&token.hash.to_le_bytes());
        bytes.push(u8::from(token.standing == Standing::Evidence));
    }
    // The length is capped far below 65,536 where a candidate is made.
    bytes.extend_from_slice(&(one.state.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&one.state);
}

fn decode_candidate(rest: &mut &[u8]) -> Option<Candidate> {
    let trace_id = TraceId::from_bytes(&take::<16>(rest)?)?;
    let span_id = SpanId::from_bytes(&take::<8>(rest)?)?;
    let since_unix_ns = u64::from_le_bytes(take(rest)?);
    let [flags, stay, token_count] = take(rest)?;
    let tokens = match token_count {
        NOT_LOOKED_AT => None,
        count => Some((0..count).map(|_| decode_token(rest)).collect::<Option<Vec<_>>>()?),
    };
    let state_length = u16::from_le_bytes(take(rest)?);
    Some(Candidate {
        trace_id,
        span_id,
        flags: TraceFlags::from_bits(flags),
        state: take_slice(rest, state_length.into())?.to_vec(),
        stay: match stay {
            0 => Stay::Short,
            1 => Stay::Lasting,
            _ => Stay::Abandoned,
        },
        since_unix_ns,
        tokens,
    })
}

fn decode_token(rest: &mut &[u8]) -> Option<Token> {
    let hash = u64::from_le_bytes(take(rest)?);
    let [is_evidence] = take(rest)?;
    Some(Token { hash, standing: if is_evidence != 0 { Standing::Evidence } else { Standing::Recurring } })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    take_slice(rest, N)?.try_into().ok()
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}
