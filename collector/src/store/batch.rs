//! A batch of spans on its way into a store: the bytes as they came, and what each span in them is found by.

use bytes::Bytes;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::{
    DecodeError, SpanHead, SpanPlace, Tally, decode_export_request, encode_export_request,
    scan_export_request,
};
use throughline_model::span::{Span, SpanKind, StatusCode};

/// An `ExportTraceServiceRequest` whose every byte was checked.
#[derive(Debug)]
pub struct Batch {
    pub(super) payload: Bytes,
    pub(super) heads: Heads,
}

impl Batch {
    /// Checks a message. Its spans stay encoded until somebody asks for them.
    pub fn read(payload: Bytes) -> Result<(Self, Tally), DecodeError> {
        let (heads, tally) = Heads::scan(&payload)?;
        Ok((Self { payload, heads }, tally))
    }

    /// A batch of spans that did not come as OTLP.
    pub fn of_spans(spans: &[Span]) -> Result<(Self, Tally), DecodeError> {
        Self::read(encode_export_request(spans).into())
    }

    /// How many bytes the message has.
    pub fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// How many of its spans start before a stretch of time, and how many of the others start or end after it.
    pub fn outside(&self, earliest_unix_ns: u64, latest_unix_ns: u64) -> (u64, u64) {
        let (mut before, mut after) = (0, 0);
        for head in &self.heads.spans {
            if head.start_unix_ns < earliest_unix_ns {
                before += 1;
            } else if head.start_unix_ns.max(head.end_unix_ns) > latest_unix_ns {
                after += 1;
            }
        }
        (before, after)
    }

    /// A batch of the spans that start in a stretch of time and do not end after it.
    pub fn within(&self, earliest_unix_ns: u64, latest_unix_ns: u64) -> Result<Self, DecodeError> {
        let mut spans = decode_export_request(&self.payload)?.spans;
        spans.retain(|span| {
            span.start_unix_ns >= earliest_unix_ns
                && span.start_unix_ns.max(span.end_unix_ns) <= latest_unix_ns
        });
        Ok(Self::of_spans(&spans)?.0)
    }

    /// The trace of each span.
    pub fn trace_ids(&self) -> impl Iterator<Item = TraceId> {
        self.heads.spans.iter().map(|head| head.trace_id)
    }

    /// A batch without the spans of some traces.
    pub fn without(&self, traces: &[TraceId]) -> Result<Self, DecodeError> {
        let mut spans = decode_export_request(&self.payload)?.spans;
        spans.retain(|span| !traces.contains(&span.trace_id));
        Ok(Self::of_spans(&spans)?.0)
    }

    /// How many usable spans it has.
    pub fn len(&self) -> usize {
        self.heads.spans.len()
    }

    /// Whether no span of it is usable.
    pub fn is_empty(&self) -> bool {
        self.heads.spans.is_empty()
    }
}

/// What the spans of one message are found by.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) spans: Vec<Head>,
    /// Where the service names stand that the spans refer to; `None` for spans without one.
    pub(super) services: Vec<Option<Text>>,
}

/// Where a text stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) at: u32,
    pub(super) bytes: u32,
}

/// What one span is found by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) start_unix_ns: u64,
    pub(super) end_unix_ns: u64,
    pub(super) place: SpanPlace,
    pub(super) name: Text,
    /// Which service: a place in `Heads::services`, then in the names of a window.
    pub(super) service: u32,
    /// Which name: a place in the names of a window, once it is in one.
    pub(super) name_id: u32,
    pub(super) kind: SpanKind,
    pub(super) status: StatusCode,
}

impl AsRef<Self> for Head {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Head {
    pub(super) fn duration_ns(&self) -> u64 {
        self.end_unix_ns.saturating_sub(self.start_unix_ns)
    }
}

impl Heads {
    pub(super) fn scan(payload: &[u8]) -> Result<(Self, Tally), DecodeError> {
        let mut heads = Self::default();
        let mut resource = None;
        let tally = scan_export_request(payload, |head| {
            // Neighbours share their resource.
            if resource != Some(head.place.resource_at) {
                resource = Some(head.place.resource_at);
                heads.services.push(head.service_name.map(|name| place(payload, name)));
            }
            let service = (heads.services.len() - 1) as u32;
            heads.spans.push(Head::of(&head, place(payload, head.name), service));
        })?;
        Ok((heads, tally))
    }
}

impl Head {
    fn of(head: &SpanHead<'_>, name: Text, service: u32) -> Self {
        Self {
            trace_id: head.trace_id,
            span_id: head.span_id,
            parent_span_id: head.parent_span_id,
            start_unix_ns: head.start_unix_ns,
            end_unix_ns: head.end_unix_ns,
            place: head.place,
            name,
            service,
            name_id: 0,
            kind: head.kind,
            status: head.status,
        }
    }
}

impl Text {
    /// The text in the message it was found in.
    pub(super) fn of(self, payload: &[u8]) -> &[u8] {
        let begin = self.at as usize;
        payload.get(begin..begin + self.bytes as usize).unwrap_or_default()
    }
}

/// Where a part stands in a message, whose length the scan has checked to fit.
fn place(payload: &[u8], part: &[u8]) -> Text {
    if part.is_empty() {
        return Text { at: 0, bytes: 0 };
    }
    let at = part.as_ptr().addr().wrapping_sub(payload.as_ptr().addr());
    Text { at: at as u32, bytes: part.len() as u32 }
}
