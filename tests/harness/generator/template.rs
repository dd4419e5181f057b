//! One encoded message, and where in it the ids and times stand.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use throughline_model::id::TraceId;
use throughline_model::otlp::encode_export_request;
use throughline_model::span::Span;

use super::mix;

/// A message to be sent many times, each time with ids and times of its own.
#[derive(Clone, Debug)]
pub struct Template {
    /// The message as it was encoded.
    pub bytes: Vec<u8>,
    /// How many spans it has.
    pub spans: usize,
    /// The second half of a trace id, and the place of its first byte.
    traces: Vec<(u32, u64)>,
    /// A span id, its own or its parent's.
    span_ids: Vec<(u32, u64)>,
    /// A start or an end.
    times: Vec<(u32, u64)>,
    /// The first eight digits of a request id.
    requests: Vec<(u32, u64)>,
    earliest_unix_ns: u64,
}

/// What stands at a place that is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trace,
    Span,
    Time,
    Request,
}

impl Template {
    /// Encodes spans and finds the places.
    pub(super) fn new(spans: &[Span]) -> Result<Self> {
        let mut wanted: HashMap<[u8; 8], Kind> = HashMap::new();
        for span in spans {
            let half: [u8; 8] = span.trace_id.as_bytes()[8..].try_into()?;
            wanted.insert(half, Kind::Trace);
            wanted.insert(*span.span_id.as_bytes(), Kind::Span);
            if let Some(parent) = span.parent_span_id {
                wanted.insert(*parent.as_bytes(), Kind::Span);
            }
            wanted.insert(span.start_unix_ns.to_le_bytes(), Kind::Time);
            wanted.insert(span.end_unix_ns.to_le_bytes(), Kind::Time);
            let request = span.attribute(throughline_model::attribute::ENVOY_REQUEST_ID);
            if let Some(text) = request.and_then(|value| value.as_text()) {
                wanted.insert(text.as_bytes()[..8].try_into()?, Kind::Request);
            }
        }
        let bytes = encode_export_request(spans);
        let mut template = Self {
            spans: spans.len(),
            traces: Vec::new(),
            span_ids: Vec::new(),
            times: Vec::new(),
            requests: Vec::new(),
            earliest_unix_ns: spans.iter().map(|span| span.start_unix_ns).min().unwrap_or_default(),
            bytes,
        };
        template.find(&wanted);
        let parents = spans.iter().filter(|span| span.parent_span_id.is_some()).count();
        let found = [template.traces.len(), template.span_ids.len(), template.times.len()];
        let expected = [spans.len(), spans.len() + parents, 2 * spans.len()];
        ensure!(
            found == expected,
            "{found:?} places of trace ids, span ids and times instead of {expected:?}"
        );
        Ok(template)
    }

    fn find(&mut self, wanted: &HashMap<[u8; 8], Kind>) {
        for (at, window) in self.bytes.windows(8).enumerate() {
            let Ok(word) = <[u8; 8]>::try_from(window) else { continue };
            let place = |value| (at as u32, value);
            match wanted.get(&word) {
                Some(Kind::Trace) => self.traces.push(place(u64::from_le_bytes(word))),
                Some(Kind::Span) => self.span_ids.push(place(u64::from_le_bytes(word))),
                Some(Kind::Time) => self.times.push(place(u64::from_le_bytes(word))),
                Some(Kind::Request) => self.requests.push(place(u64::from_le_bytes(word))),
                None => {}
            }
        }
    }

    /// Writes ids and times anew into `message`, a copy of the template's bytes or one that was patched before. The traces
    /// begin at `start_unix_ns`.
    pub fn patch(&self, message: &mut [u8], salt: u64, start_unix_ns: u64) {
        for (at, value) in self.traces.iter().chain(&self.span_ids) {
            write(message, *at, (value ^ salt).to_le_bytes());
        }
        let shift = start_unix_ns.wrapping_sub(self.earliest_unix_ns);
        for (at, value) in &self.times {
            write(message, *at, value.wrapping_add(shift).to_le_bytes());
        }
        for (at, value) in &self.requests {
            write(message, *at, hex_digits(mix(value ^ salt) as u32));
        }
    }

    /// The trace ids of the message that was patched with this salt.
    pub(super) fn trace_ids(&self, salt: u64) -> Vec<TraceId> {
        let id = |(at, value): &(u32, u64)| {
            let at = *at as usize;
            let mut id: [u8; 16] = self.bytes.get(at - 8..at + 8)?.try_into().ok()?;
            id[8..].copy_from_slice(&(value ^ salt).to_le_bytes());
            TraceId::from_bytes(&id)
        };
        self.traces.iter().filter_map(id).collect()
    }
}

fn write(message: &mut [u8], at: u32, word: [u8; 8]) {
    let at = at as usize;
    if let Some(place) = message.get_mut(at..at + 8) {
        place.copy_from_slice(&word);
    }
}

fn hex_digits(number: u32) -> [u8; 8] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    std::array::from_fn(|place| DIGITS[(number >> (28 - 4 * place) & 0xf) as usize])
}
