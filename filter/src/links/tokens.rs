//! Values that an application may echo from a request into the calls it makes for it, as keyed hashes.

use super::siphash::HashKey;
use crate::headers::{Headers, Known};

/// Most tokens of one message.
pub const MAX_TOKENS: usize = 8;
/// Most of them from path and query, so that headers have room too.
const MAX_PATH_TOKENS: usize = 4;
/// Longer values are not looked at.
const MAX_VALUE_BYTES: usize = 4096;
/// Shorter numbers are years, counts and page numbers.
const MIN_DIGITS: usize = 8;
const MIN_HEX_DIGITS: usize = 16;
const MIN_BASE64_CHARS: usize = 20;

/// The hashes of a message's tokens, each once: those of path and query first, because they differ most from
/// request to request, then those of the listed headers.
pub fn tokens_of(headers: &Headers, names: &[String], key: HashKey) -> Vec<u64> {
    let mut tokens = Vec::new();
    if let Some(path) = headers.get(Known::Path).filter(|path| path.len() <= MAX_VALUE_BYTES) {
        let words = path.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        for word in words.filter(|word| is_unlikely_to_repeat(word)) {
            keep(&mut tokens, key.hash(word), MAX_PATH_TOKENS);
        }
    }
    for (name, value) in headers.iter() {
        let is_listed = names.iter().any(|listed| listed.as_bytes() == name);
        if is_listed && !value.is_empty() && value.len() <= MAX_VALUE_BYTES {
            keep(&mut tokens, header_token(name, value, key), MAX_TOKENS);
        }
    }
    tokens
}

/// A value that hardly repeats by chance is the same token wherever it stands; a plain one, such as `7`, only
/// under the same name.
fn header_token(name: &[u8], value: &[u8], key: HashKey) -> u64 {
    if is_unlikely_to_repeat(value) {
        return key.hash(value);
    }
    let mut named = Vec::with_capacity(name.len() + 1 + value.len());
    named.extend_from_slice(name);
    named.push(0);
    named.extend_from_slice(value);
    key.hash(&named)
}

fn keep(tokens: &mut Vec<u64>, token: u64, most: usize) {
    if tokens.len() < most && !tokens.contains(&token) {
        tokens.push(token);
    }
}

/// UUIDs, long numbers, long hexadecimal digits and base64.
fn is_unlikely_to_repeat(word: &[u8]) -> bool {
    if word.len() < MIN_DIGITS {
        return false;
    }
    let all = |test: fn(&u8) -> bool| word.iter().all(test);
    let any = |test: fn(&u8) -> bool| word.iter().any(test);
    if all(u8::is_ascii_digit) {
        return true;
    }
    let is_uuid = word.len() == 36
        && word.split(|byte| *byte == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12])
        && all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let has_digit = any(u8::is_ascii_digit);
    let is_hex = word.len() >= MIN_HEX_DIGITS && has_digit && all(u8::is_ascii_hexdigit);
    let is_base64 = word.len() >= MIN_BASE64_CHARS
        && all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && has_digit
        && any(u8::is_ascii_lowercase)
        && any(u8::is_ascii_uppercase);
    is_uuid || is_hex || is_base64
}
