//! Sizes as people write them: `512MiB`, `1GiB`, or a number of bytes.

const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// Reads a size in bytes; says what would be right when it cannot.
pub(super) fn parse_size(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "write a size such as 512MiB or 1GiB, larger than zero";
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .unwrap_or((text, 1));
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let whole: u64 = number.parse().ok().filter(|_| is_number).ok_or(EXPECTED)?;
    whole.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or(EXPECTED)
}
