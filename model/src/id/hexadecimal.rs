//! Lower-case hexadecimal digits, eight at once: a request reads and writes some fifty of them, and one after the other they
//! would be a tenth of what it costs.

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The right half of each byte.
const RIGHT: u64 = 0x0f * EACH;
/// What a letter's code is beyond that of a digit, had there been more than ten of those.
const LETTERS: u64 = (b'a' - b'0' - 10) as u64;

/// The digits of four bytes.
pub(super) fn digits(bytes: [u8; 4]) -> [u8; 8] {
    let word = u64::from(u32::from_le_bytes(bytes));
    let halves = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let apart = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    let left = 0x000f_000f_000f_000f;
    written(apart >> 4 & left | (apart & left) << 8).to_le_bytes()
}

/// The four bytes that these digits stand for; `None` when one of them is no lower-case digit.
pub(super) fn bytes(digits: [u8; 8]) -> Option<[u8; 4]> {
    let word = u64::from_le_bytes(digits);
    // Letters have the seventh bit set and begin at one; of anything else that has it comes no number or another text.
    let numbers = (word & RIGHT) + (word >> 6 & EACH) * 9;
    if numbers & !RIGHT != 0 || written(numbers) != word {
        return None;
    }
    let apart = (numbers << 4 | numbers >> 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (apart | apart >> 8) & 0x0000_ffff_0000_ffff;
    Some(((halves | halves >> 16) as u32).to_le_bytes())
}

/// The digits of eight numbers below 16, each in its byte.
fn written(numbers: u64) -> u64 {
    // Only numbers above nine reach the fifth bit by this.
    let letters = (numbers + 0x06 * EACH) >> 4 & EACH;
    numbers + u64::from(b'0') * EACH + letters * LETTERS
}
