//! Times of a file that is replayed: read in any common form, written back as they came.

use serde_json::{Value, json};

use crate::query::timestamp;

const MS_PER_MINUTE: i64 = 60_000;
const NS_PER_MINUTE: u64 = 60_000_000_000;
/// Year 9999.
const LAST_MS: f64 = 253_402_300_799_999.0;

/// How a file writes times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimeFormat {
    #[default]
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Rfc3339,
}

impl TimeFormat {
    /// The form that a time is written in; numbers say by their size what they count.
    pub(super) fn of(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(number) if number.abs() < 1e11 => Self::Seconds,
            Ok(number) if number.abs() < 1e14 => Self::Milliseconds,
            Ok(number) if number.abs() < 1e17 => Self::Microseconds,
            Ok(_) => Self::Nanoseconds,
            Err(_) => Self::Rfc3339,
        }
    }

    /// Milliseconds since 1970 of a time in this form.
    pub(super) fn read(self, text: &str) -> Option<i64> {
        let per_ms = match self {
            Self::Seconds => 1e-3,
            Self::Milliseconds => 1.0,
            Self::Microseconds => 1e3,
            Self::Nanoseconds => 1e6,
            Self::Rfc3339 => return read_rfc3339(text),
        };
        let ms = text.parse::<f64>().ok()? / per_ms;
        (0.0..=LAST_MS).contains(&ms).then(|| ms.round() as i64)
    }

    /// The beginning of a minute, written in this form.
    pub(super) fn write(self, minute: i64) -> Value {
        let ms = minute * MS_PER_MINUTE;
        match self {
            Self::Seconds => json!(ms / 1_000),
            Self::Milliseconds => json!(ms),
            Self::Microseconds => json!(ms.saturating_mul(1_000)),
            Self::Nanoseconds => json!(ms.saturating_mul(1_000_000)),
            Self::Rfc3339 => {
                let unix_ns = u64::try_from(minute).unwrap_or(0).saturating_mul(NS_PER_MINUTE);
                let text = timestamp::format_utc(unix_ns).replace(' ', "T");
                json!(format!("{}Z", text.strip_suffix(".000").unwrap_or(&text)))
            }
        }
    }

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
            Self::Nanoseconds => "nanoseconds since 1970",
            Self::Rfc3339 => "RFC 3339",
        }
    }
}

/// RFC 3339, where a blank may stand for the `T` and a missing offset means UTC, as many programs write it.
fn read_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let has_offset = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    let unix_ns = timestamp::parse(&format!("{date}T{time}{}", if has_offset { "" } else { "Z" }), 0)?;
    i64::try_from(unix_ns / 1_000_000).ok()
}
