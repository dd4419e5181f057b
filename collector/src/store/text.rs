//! Text that came as bytes.

use std::borrow::Cow;

/// Bytes as text; what is not UTF-8 gets replacement characters. Nearly all is, and told to be so far faster than by
/// `String::from_utf8_lossy`, which goes byte by byte.
pub(super) fn shown(raw: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(raw),
    }
}
