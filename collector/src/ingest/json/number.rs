//! Numbers, which protocol buffers' mapping writes as numbers or, where they have 64 bits, as text.

use serde::Deserialize;

/// A number in either form.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Double(f64),
    Text(String),
}

/// A number without sign; zero for what is none.
pub(super) fn unsigned(number: Option<Number>) -> u64 {
    match number {
        Some(Number::Unsigned(number)) => number,
        Some(Number::Double(number)) if number >= 0.0 && number.fract() == 0.0 => number as u64,
        Some(Number::Text(text)) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

/// A number with sign; zero for what is none.
pub(super) fn signed(number: &Number) -> i64 {
    match number {
        Number::Unsigned(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Number::Signed(number) => *number,
        Number::Double(number) => *number as i64,
        Number::Text(text) => text.parse().unwrap_or(0),
    }
}

/// A number with a fraction; JSON has no words for what is not finite, the mapping has.
pub(super) fn double(number: &Number) -> f64 {
    match number {
        Number::Unsigned(number) => *number as f64,
        Number::Signed(number) => *number as f64,
        Number::Double(number) => *number,
        Number::Text(text) => match text.as_str() {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            text => text.parse().unwrap_or(f64::NAN),
        },
    }
}
