//! Which traces an answer about many was made of: how many places of the time, from when to when, and what was left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decimal_text;

/// The traces that stand for a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sample {
    /// The time that they cover; `null` without traces.
    pub covered: Option<Covered>,
    /// From how many places, spread over the time that was asked for, they were taken; 1 where nothing between was passed over.
    pub places: usize,
    /// There may be more traces than these.
    pub cut: bool,
    /// Further traces that were left out because spans of theirs may still be on their way.
    pub unsettled: usize,
}

/// When traces began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covered {
    /// The start of the earliest.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub first_unix_ns: u64,
    /// The start of the latest.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub last_unix_ns: u64,
}
