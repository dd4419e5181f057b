//! Durations as Go writes them (`1h30m`, `1.5s`, `300ms`), and days and weeks besides.

use std::time::Duration;

const NANOSECONDS_PER_UNIT: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
    ("w", 7 * 86_400 * 1_000_000_000),
];

/// Digits behind the point that are read; one nanosecond is a far smaller part of every unit.
const MAX_FRACTION_DIGITS: usize = 15;

/// Reads a duration; says what would be right when it cannot.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "write a duration such as 300ms, 90s, 1h30m or 7d";
    let mut rest = text;
    let mut total_ns: u64 = 0;
    while !rest.is_empty() {
        let (number, behind) = split_where(rest, |character| !character.is_ascii_digit() && character != '.');
        let (unit, behind) = split_where(behind, |character| character.is_ascii_digit() || character == '.');
        let unit_ns = NANOSECONDS_PER_UNIT.iter().find(|(name, _)| *name == unit).ok_or(EXPECTED)?.1;
        let part_ns = scale(number, unit_ns).ok_or(EXPECTED)?;
        total_ns = total_ns.checked_add(part_ns).ok_or("the duration is longer than 584 years")?;
        rest = behind;
    }
    if text.is_empty() { Err(EXPECTED) } else { Ok(Duration::from_nanos(total_ns)) }
}

fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.find(is_end).and_then(|position| text.split_at_checked(position)).unwrap_or((text, ""))
}

/// A decimal number times the unit; `None` when it is no number or too large.
fn scale(number: &str, unit_ns: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > MAX_FRACTION_DIGITS {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let divisor = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction_ns = u64::try_from(digits * u128::from(unit_ns) / divisor).ok()?;
    whole.checked_mul(unit_ns)?.checked_add(fraction_ns)
}
