//! Moments as people write them: RFC 3339, or an age.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::parse_duration;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Nanoseconds since 1970-01-01 UTC, now.
pub(super) fn now_unix_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads a moment: `2026-01-31T12:00:00Z`, with fraction or offset if wanted, or an age such as `15m`.
pub(super) fn parse(text: &str, now_unix_ns: u64) -> Option<u64> {
    if text.contains('-') {
        return parse_rfc3339(text);
    }
    let age_ns = u64::try_from(parse_duration(text).ok()?.as_nanos()).ok()?;
    Some(now_unix_ns.saturating_sub(age_ns))
}

/// RFC 3339, section 5.6. Leap seconds count as the second after; moments before 1970 count as 1970.
fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let (clock, offset_seconds) = split_offset(time)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let days = days_since_epoch(date)?;
    let seconds = days * SECONDS_PER_DAY + seconds_of_day(clock)? - offset_seconds;
    let whole_ns = u64::try_from(seconds.max(0)).ok()?.checked_mul(NANOSECONDS_PER_SECOND)?;
    whole_ns.checked_add(fraction.map_or(Some(0), fraction_ns)?)
}

/// `12:00:00Z` or `12:00:00+02:00`; a blank stands for a plus sign that was not escaped in a URL.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let position = time.rfind(['+', '-', ' '])?;
    let (clock, offset) = time.split_at_checked(position)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    Some((clock, sign * (number(hours, 2, 0..=23)? * 3600 + number(minutes, 2, 0..=59)? * 60)))
}

fn days_since_epoch(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 0..=9999)?;
    let month = number(parts.next()?, 2, 1..=12)?;
    let day = number(parts.next()?, 2, 1..=days_in_month(year, month))?;
    parts.next().is_none().then(|| days_from_civil(year, month, day))
}

fn seconds_of_day(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 2, 0..=23)?;
    let minutes = number(parts.next()?, 2, 0..=59)?;
    let seconds = number(parts.next()?, 2, 0..=60)?;
    parts.next().is_none().then_some(hours * 3600 + minutes * 60 + seconds)
}

fn fraction_ns(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Digits below the nanosecond are cut.
    digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

fn number(digits: &str, length: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let is_number = digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && range.contains(number))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, with years that begin in March so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    march_year * 365 + leap_days + day_of_year - 719_468
}

/// A moment as people read it: `2026-01-31 12:00:00.123`, in UTC.
pub(super) fn format_utc(unix_ns: u64) -> String {
    let seconds = unix_ns / NANOSECONDS_PER_SECOND;
    let milliseconds = unix_ns % NANOSECONDS_PER_SECOND / 1_000_000;
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}")
}

/// The inverse of [`days_from_civil`], for days since 1970.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
