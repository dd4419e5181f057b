//! The spans that are in no block yet: what they are found by is in memory, indexed by trace and in batches for a search to
//! walk over; the spans themselves stay encoded where they are, as a rule in the write-ahead log.

mod names;
mod payload;
mod select;
mod sorted;
pub(super) mod whole;

use std::mem::size_of;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use throughline_model::id::TraceId;
use throughline_model::otlp::{
    SpanOutline, decode_resource, decode_span, read_service_name, read_span_outline,
};
use throughline_model::span::{Resource, Span};

use super::StoreError;
use super::batch::{Head, Heads};
use super::hash::FastMap;
use super::services::ServiceNames;
use names::Names;

pub(super) use payload::Payload;
pub(super) use select::Selection;
pub(super) use sorted::{BlockPlace, SortedSpans};

/// Different span names that a window tells apart without reading spans.
const MAX_OPERATIONS: usize = 16_384;
/// Services of one window that are listed by name.
const MAX_SERVICES: usize = 1_024;

/// Spans in the order they came.
#[derive(Debug)]
pub(super) struct Window {
    batches: Vec<Arc<FiledBatch>>,
    /// The last place of each trace.
    traces: FastMap<TraceId, u32>,
    places: Vec<Place>,
    operations: Names,
    services: Names,
    bytes: usize,
    oldest: Option<Instant>,
}

/// A batch that is in a window.
#[derive(Debug)]
pub(super) struct FiledBatch {
    payload: Payload,
    heads: Box<[Head]>,
    /// The first and the last start of its spans.
    starts_unix_ns: (u64, u64),
}

/// One span of a window, and the one of its trace that came before it.
#[derive(Clone, Copy, Debug)]
struct Place {
    batch: u32,
    head: u32,
    before: Option<std::num::NonZeroU32>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            traces: FastMap::default(),
            places: Vec::new(),
            operations: Names::new(MAX_OPERATIONS),
            services: Names::new(MAX_SERVICES),
            bytes: 0,
            oldest: None,
        }
    }
}

impl Window {
    /// Takes a batch whose bytes are `message` and can be read again from `payload`; returns about how much memory that took.
    pub(super) fn push(&mut self, heads: Heads, message: &[u8], payload: Payload) -> usize {
        if heads.spans.is_empty() {
            return 0;
        }
        self.oldest.get_or_insert_with(Instant::now);
        let Heads { mut spans, services } = heads;
        let services: Vec<u32> = services
            .iter()
            .map(|name| match name {
                Some(name) => self.services.id_of_bytes(name.of(message)),
                None => self.services.id_of_bytes(UNKNOWN_SERVICE.as_bytes()),
            })
            .collect();
        let batch = self.batches.len() as u32;
        let traces_before = self.traces.len();
        for (index, head) in spans.iter_mut().enumerate() {
            head.service = services.get(head.service as usize).copied().unwrap_or(names::UNLISTED);
            head.name_id = self.operations.id_of_bytes(head.name.of(message));
            // Counted from one, so that none is zero.
            let this = self.places.len() as u32 + 1;
            let before = self.traces.insert(head.trace_id, this).and_then(std::num::NonZeroU32::new);
            self.places.push(Place { batch, head: index as u32, before });
        }
        let new_traces = self.traces.len() - traces_before;
        let bytes = held_bytes(spans.len(), new_traces) + payload.held_bytes();
        self.bytes += bytes;
        let starts = || spans.iter().map(|head| head.start_unix_ns);
        let starts_unix_ns = (starts().min().unwrap_or(0), starts().max().unwrap_or(0));
        self.batches.push(Arc::new(FiledBatch { payload, heads: spans.into_boxed_slice(), starts_unix_ns }));
        bytes
    }

    /// The spans of one trace, in the order they came, still encoded.
    pub(super) fn trace(&self, trace_id: TraceId) -> Found {
        let mut found = Vec::new();
        let mut next = self.traces.get(&trace_id).copied();
        while let Some(place) = next.and_then(|number| self.places.get(number as usize - 1)) {
            found.extend(self.batches.get(place.batch as usize).map(|batch| (Arc::clone(batch), place.head)));
            next = place.before.map(std::num::NonZeroU32::get);
        }
        found.reverse();
        Found { spans: found }
    }

    /// What the spans of one trace are found by, the last one first.
    pub(super) fn heads_of(&self, trace_id: TraceId) -> impl Iterator<Item = &Head> {
        let last = self.traces.get(&trace_id).copied();
        let place = |number: u32| self.places.get(number as usize - 1);
        let before = move |number: &u32| place(*number)?.before.map(std::num::NonZeroU32::get);
        std::iter::successors(last, before).filter_map(move |number| {
            let place = place(number)?;
            self.batches.get(place.batch as usize)?.heads.get(place.head as usize)
        })
    }

    /// The traces that have a span here, in no order.
    pub(super) fn trace_ids(&self) -> impl Iterator<Item = TraceId> {
        self.traces.keys().copied()
    }

    /// The service and the name of a span of this window, where they are listed.
    pub(super) fn names_of(&self, head: &Head) -> Option<(&Arc<str>, &Arc<str>)> {
        Some((self.services.text(head.service)?, self.operations.text(head.name_id)?))
    }

    /// All batches; cheap to copy, so that a search need not hold a lock.
    pub(super) fn batches(&self) -> &[Arc<FiledBatch>] {
        &self.batches
    }

    /// The names of all services.
    pub(super) fn services(&self) -> ServiceNames {
        self.services.listed()
    }

    pub(super) fn spans(&self) -> usize {
        self.places.len()
    }

    /// About how much memory the window takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest batch came; `None` when the window is empty.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }
}

/// The name of a service that has none, as the OpenTelemetry resource specification has it.
pub(super) const UNKNOWN_SERVICE: &str = "unknown_service";

/// Spans of one trace in a window, still encoded.
#[derive(Debug, Default)]
pub(super) struct Found {
    spans: Vec<(Arc<FiledBatch>, u32)>,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Decodes one after the other until `take` breaks. May block on disk.
    pub(super) fn decode(
        &self,
        take: &mut dyn FnMut(Arc<Span>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut decoder = Decoder::default();
        let heads =
            self.spans.iter().filter_map(|(batch, head)| Some((batch, batch.heads.get(*head as usize)?)));
        for (batch, head) in heads {
            if take(Arc::new(decoder.span(batch, head)?)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl FiledBatch {
    /// All of its bytes; `buffer` is used where they are not in memory. May block on disk.
    pub(super) fn message<'a>(&'a self, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        self.payload.read_all(buffer).map_err(|error| unreadable(&error))
    }

    /// Tells of every span who sent it and what tells who called whom, in the order sent. May block on disk.
    pub(super) fn each_outline(
        &self,
        buffer: &mut Vec<u8>,
        mut take: impl FnMut(&Head, &[u8], &SpanOutline<'_>),
    ) -> Result<(), StoreError> {
        let message = self.message(buffer)?;
        let mut service: (Option<u32>, &[u8]) = (None, UNKNOWN_SERVICE.as_bytes());
        for head in &self.heads {
            if service.0 != Some(head.place.resource_at) {
                let name = read_service_name(part(message, head.place.resource()));
                let name = name.map_err(|error| unreadable(&error))?;
                service = (Some(head.place.resource_at), name.unwrap_or(UNKNOWN_SERVICE.as_bytes()));
            }
            let outline = read_span_outline(part(message, head.place.span()));
            take(head, service.1, &outline.map_err(|error| unreadable(&error))?);
        }
        Ok(())
    }

    /// Decodes some spans. May block on disk.
    fn decode(&self, heads: &[&Head]) -> Result<Vec<Arc<Span>>, StoreError> {
        /// From here on, one read of all is cheaper than one read for each.
        const MANY: usize = 8;
        if heads.len() < MANY {
            let mut decoder = Decoder::default();
            return heads.iter().map(|head| decoder.span(self, head).map(Arc::new)).collect();
        }
        let mut buffer = Vec::new();
        let message = self.payload.read_all(&mut buffer).map_err(|error| unreadable(&error))?;
        let mut resource: Option<(u32, Arc<Resource>)> = None;
        let mut spans = Vec::with_capacity(heads.len());
        for head in heads {
            let shared = resource_at(message, head, &mut resource)?;
            let span = decode_span(part(message, head.place.span()), head.place, &shared);
            spans.push(Arc::new(span.map_err(|error| unreadable(&error))?));
        }
        Ok(spans)
    }
}

/// The resource of a span; neighbours share it.
fn resource_at(
    message: &[u8],
    head: &Head,
    last: &mut Option<(u32, Arc<Resource>)>,
) -> Result<Arc<Resource>, StoreError> {
    match last {
        Some((at, resource)) if *at == head.place.resource_at => Ok(Arc::clone(resource)),
        _ => {
            let read = decode_resource(part(message, head.place.resource()));
            let read = Arc::new(read.map_err(|error| unreadable(&error))?);
            *last = Some((head.place.resource_at, Arc::clone(&read)));
            Ok(read)
        }
    }
}

pub(super) fn part(message: &[u8], (begin, end): (usize, usize)) -> &[u8] {
    message.get(begin..end).unwrap_or_default()
}

/// Decodes single spans; neighbours of one resource share it.
#[derive(Debug, Default)]
struct Decoder {
    buffer: Vec<u8>,
    resource: Option<(*const FiledBatch, u32, Arc<Resource>)>,
}

impl Decoder {
    fn span(&mut self, batch: &FiledBatch, head: &Head) -> Result<Span, StoreError> {
        let place = head.place;
        let resource = match &self.resource {
            Some((of, at, resource)) if *of == std::ptr::from_ref(batch) && *at == place.resource_at => {
                Arc::clone(resource)
            }
            _ => {
                let bytes = batch.payload.read(place.resource(), &mut self.buffer);
                let bytes = bytes.map_err(|error| unreadable(&error))?;
                let resource = Arc::new(decode_resource(bytes).map_err(|error| unreadable(&error))?);
                self.resource = Some((std::ptr::from_ref(batch), place.resource_at, Arc::clone(&resource)));
                resource
            }
        };
        let bytes = batch.payload.read(place.span(), &mut self.buffer).map_err(|error| unreadable(&error))?;
        decode_span(bytes, place, &resource).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("a batch cannot be read back from the log: {error}"))
}

/// About how much memory a batch takes at most in an empty window, besides its bytes: as if each of its spans began a trace.
pub(super) fn estimated_bytes(spans: usize) -> usize {
    held_bytes(spans, spans)
}

/// Heads and places, vectors of which may be twice as long as what they hold; and entries of traces in a table that is at
/// least 7/16 full.
fn held_bytes(spans: usize, traces: usize) -> usize {
    const BATCH_BYTES: usize = size_of::<FiledBatch>() + 6 * size_of::<usize>();
    const TRACE_BYTES: usize = (size_of::<(TraceId, u32)>() + 1) * 16 / 7;
    BATCH_BYTES + spans * (size_of::<Head>() + 2 * size_of::<Place>()) + traces * TRACE_BYTES
}

#[cfg(test)]
mod tests;
