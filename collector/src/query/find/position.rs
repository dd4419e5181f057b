//! A place in the order of answers, and its form as a cursor.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use throughline_model::id::TraceId;

/// Where a trace stands in an answer: by the latest start of its matching spans, then by its id, as every store sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) struct Position {
    pub(in crate::query) start_unix_ns: u64,
    pub(in crate::query) trace_id: TraceId,
}

impl Position {
    /// Whether it comes later in an answer.
    pub(in crate::query) fn is_behind(self, other: Self) -> bool {
        let key = |position: Self| (Reverse(position.start_unix_ns), position.trace_id);
        key(self) > key(other)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{}", self.start_unix_ns, self.trace_id)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (start, trace_id) = text.split_at_checked(16).ok_or(())?;
        if !start.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(());
        }
        Ok(Self {
            start_unix_ns: u64::from_str_radix(start, 16).map_err(drop)?,
            trace_id: TraceId::from_hex(trace_id.as_bytes()).ok_or(())?,
        })
    }
}
