//! `grpc-trace-bin`: 29 bytes in base64 (OpenCensus, "Binary Encoding", version 0).

use super::{Carried, Decision, Outgoing, Reading};
use crate::id::{SpanId, TraceId};

pub(super) const HEADER: &str = "grpc-trace-bin";
/// Longest value that is decoded: unknown fields may follow the known ones.
const MAX_CHARS: usize = 128;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// What `kept` says of a caller that pads its base64: some readers insist on it, others on its absence.
const PADDING: &str = "=";

pub(super) fn parse(carried: &Carried<'_>) -> Result<Reading, &'static str> {
    let value = carried.only(HEADER)?.unwrap_or_default();
    let bytes = decode(value).ok_or("grpc-trace-bin is not base64")?;
    let (version, fields) = bytes.split_first().ok_or("grpc-trace-bin is empty")?;
    if *version != 0 {
        return Err("grpc-trace-bin's version is not 0");
    }
    let (trace_id, rest) = field(0, 16, fields).ok_or("grpc-trace-bin has no trace id")?;
    let (span_id, rest) = field(1, 8, rest).ok_or("grpc-trace-bin has no span id")?;
    let trace_id = TraceId::from_bytes(trace_id).ok_or("grpc-trace-bin's trace id is zero")?;
    let span_id = SpanId::from_bytes(span_id).ok_or("grpc-trace-bin's span id is zero")?;
    // The encoding cannot tell "not sampled" from "not decided yet"; what follows the options is ignored.
    let options = field(2, 1, rest).and_then(|(options, _)| options.first().copied()).unwrap_or(0);
    let decision = if options & 1 != 0 { Decision::Sampled } else { Decision::Deferred };
    let padding = if value.ends_with(PADDING.as_bytes()) { PADDING } else { "" };
    Ok(Reading::of_ids(trace_id, span_id, decision).keeping(padding.to_owned()))
}

/// Takes a field with this number and length off the front.
fn field(number: u8, length: usize, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first != number { None } else { rest.split_at_checked(length) }
}

pub(super) fn write(outgoing: &Outgoing<'_>, kept: &str) -> Vec<(&'static str, String)> {
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(outgoing.context.trace_id.as_bytes());
    bytes.push(1);
    bytes.extend_from_slice(outgoing.context.span_id.as_bytes());
    bytes.extend_from_slice(&[2, u8::from(outgoing.is_sampled())]);
    let mut text = encode(&bytes);
    if kept == PADDING {
        text.extend(std::iter::repeat_n('=', text.len().wrapping_neg() % 4));
    }
    vec![(HEADER, text)]
}

/// Base64 of RFC 4648, section 4, without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut room = [0u8; 4];
        room.iter_mut().skip(1).zip(chunk).for_each(|(target, byte)| *target = *byte);
        let group = u32::from_be_bytes(room);
        for place in 0..=chunk.len() {
            let sextet = (group >> (18 - 6 * place)) & 0x3f;
            text.push(ALPHABET.get(sextet as usize).map_or('A', |byte| char::from(*byte)));
        }
    }
    text
}

/// The same back; padded to a multiple of four, or not padded at all.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let is_padded = text.last() == Some(&b'=');
    if text.len() > MAX_CHARS || (is_padded && !text.len().is_multiple_of(4)) {
        return None;
    }
    let ends: [&[u8]; 2] = [b"==", b"="];
    let bare = ends.into_iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len());
    for chunk in bare.chunks(4) {
        let mut group = 0u32;
        for (place, byte) in chunk.iter().enumerate() {
            let sextet = ALPHABET.iter().position(|letter| letter == byte)?;
            group |= (sextet as u32) << (18 - 6 * place);
        }
        // One letter alone holds no whole byte.
        let count = chunk.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend(group.to_be_bytes().iter().skip(1).take(count));
    }
    Some(bytes)
}
