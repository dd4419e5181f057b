//! Decides what caused an outbound call whose application forwarded nothing: by an echoed value that only one request
//! in flight carries, or because only one request is in flight at all. What is not certain stays unlinked.
//!
//! The rule and its limits are in `docs/decisions/008-link-without-forwarding.md`.

mod census;
mod habits;
mod recurrence;
mod siphash;
mod tokens;

use crate::settings::{Key, Kind, Reader};

pub use census::{Candidate, Census, MAX_NAMED_CANDIDATES, Stay, Token};
pub use habits::{Company, Habits, Probation};
pub use recurrence::{Recurrence, Standing};
pub use siphash::HashKey;
pub use tokens::{MAX_TOKENS, tokens_of};

/// `links.request_id`.
const REQUEST_ID: Key = Key::new(
    "links.request_id",
    Kind::Switch,
    "true",
    "whether a forwarded `x-request-id` links a call to its cause",
);
/// `links.token`.
const TOKEN: Key = Key::new(
    "links.token",
    Kind::Switch,
    "true",
    "whether a value that only one request in flight carries links a call to it",
);
/// `links.token_headers`.
const TOKEN_HEADERS: Key = Key::new(
    "links.token_headers",
    Kind::HeaderNames { most: 16 },
    "[\"authorization\", \"cookie\", \"idempotency-key\", \"x-correlation-id\", \"x-session-id\", \"x-tenant-id\", \
     \"x-transaction-id\", \"x-user-id\"]",
    "headers whose values are such values, besides UUIDs, long numbers and long codes in path and query",
);
/// `links.token_secret`.
const TOKEN_SECRET: Key = Key::new(
    "links.token_secret",
    Kind::Secret { most: 256 },
    "\"\"",
    "keys the hashes of these values; without it the key is derived from a fixed text",
);
/// `links.sole`.
const SOLE: Key = Key::new(
    "links.sole",
    Kind::Switch,
    "true",
    "whether a call is linked to the only request in flight, for a workload that proved to forward nothing and to \
     make no background calls to the destination",
);
/// `links.sole_after_calls`.
const SOLE_AFTER_CALLS: Key = Key::new(
    "links.sole_after_calls",
    Kind::Number { least: 1, most: 1_000_000 },
    "20",
    "calls to a destination that must have been seen first",
);
/// `links.sole_after_idle_ms`.
const SOLE_AFTER_IDLE_MS: Key = Key::new(
    "links.sole_after_idle_ms",
    Kind::Number { least: 250, most: 86_400_000 },
    "30000",
    "time without requests in flight that must have passed first without a call to the destination",
);

/// The keys of this room.
pub const KEYS: &[Key] =
    &[REQUEST_ID, TOKEN, TOKEN_HEADERS, TOKEN_SECRET, SOLE, SOLE_AFTER_CALLS, SOLE_AFTER_IDLE_MS];

/// `links.*`: which evidence is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinksConfig {
    /// `links.request_id`.
    pub uses_request_id: bool,
    /// `links.token`.
    pub uses_tokens: bool,
    /// `links.token_headers`: lower-case names.
    pub token_headers: Vec<String>,
    /// From `links.token_secret`.
    pub token_key: HashKey,
    /// `links.sole`.
    pub uses_sole: bool,
    /// `links.sole_after_calls` and `links.sole_after_idle_ms`.
    pub probation: Probation,
}

impl LinksConfig {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            uses_request_id: reader.switch(&REQUEST_ID),
            uses_tokens: reader.switch(&TOKEN),
            token_headers: reader.header_names(&TOKEN_HEADERS),
            token_key: key_from_secret(&reader.text(&TOKEN_SECRET)),
            uses_sole: reader.switch(&SOLE),
            probation: Probation {
                calls: reader.number(&SOLE_AFTER_CALLS),
                idle_ns: reader.number(&SOLE_AFTER_IDLE_MS).saturating_mul(1_000_000),
            },
        }
    }
}

/// Stretches a secret of any length to a key.
fn key_from_secret(secret: &str) -> HashKey {
    let stretch = |salt: u64| HashKey::new(salt, !salt).hash(secret.as_bytes());
    HashKey::new(stretch(0x7468_726f_7567_686c), stretch(0x696e_652d_6c69_6e6b))
}

#[cfg(test)]
mod tests;
