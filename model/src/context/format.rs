//! Trace contexts in the headers of other tracing systems: read, checked, and written back in the form they came in.
//!
//! One file a format knows its headers' grammar. What breaks it is malformed and never guessed at; what is written
//! back replaces every header of that format which the request carried, so nothing stale travels on.

mod b3_multi;
mod b3_single;
mod cloud_trace;
mod datadog;
mod digits;
mod grpc_trace_bin;
mod jaeger;
mod ot_trace;
mod xray;

use super::TraceContext;
use crate::id::{SpanId, TraceId};

use digits::{Width, narrow, upper};

/// Most header lines of other formats that are looked at in one request.
const MAX_CARRIED_LINES: usize = 64;

/// A way to write a trace context into headers, other than W3C Trace Context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `b3`, of Zipkin.
    B3Single,
    /// `x-b3-traceid` and its companions, of Zipkin.
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
    /// `x-amzn-trace-id`, of AWS.
    XRay,
    /// `x-datadog-trace-id` and its companions.
    Datadog,
    /// `x-cloud-trace-context`, of Google Cloud.
    CloudTrace,
    /// `grpc-trace-bin`, of OpenCensus.
    GrpcTraceBin,
    /// `ot-tracer-traceid` and its companions, of OpenTracing.
    OtTrace,
}

impl Format {
    /// Every format with the name that OpenTelemetry's list of propagators, or its own header, gives it.
    pub const ALL: [(&'static str, Self); 8] = [
        ("b3", Self::B3Single),
        ("b3multi", Self::B3Multi),
        ("jaeger", Self::Jaeger),
        ("xray", Self::XRay),
        ("datadog", Self::Datadog),
        ("cloudtrace", Self::CloudTrace),
        ("grpc-trace-bin", Self::GrpcTraceBin),
        ("ottrace", Self::OtTrace),
    ];

    /// The format and the constant form of a header's name; `None` for every header that is no part of a context.
    fn of_header(name: &[u8]) -> Option<(Self, &'static str)> {
        // Most headers are of no such length, and are looked at no further.
        if !matches!(name.len(), 2 | 10..=19 | 21 | 27) {
            return None;
        }
        Some(match name {
            b"b3" => (Self::B3Single, b3_single::HEADER),
            b"x-b3-traceid" => (Self::B3Multi, b3_multi::TRACE_ID),
            b"x-b3-spanid" => (Self::B3Multi, b3_multi::SPAN_ID),
            b"x-b3-parentspanid" => (Self::B3Multi, b3_multi::PARENT_SPAN_ID),
            b"x-b3-sampled" => (Self::B3Multi, b3_multi::SAMPLED),
            b"x-b3-flags" => (Self::B3Multi, b3_multi::FLAGS),
            b"uber-trace-id" => (Self::Jaeger, jaeger::HEADER),
            b"x-amzn-trace-id" => (Self::XRay, xray::HEADER),
            b"x-datadog-trace-id" => (Self::Datadog, datadog::TRACE_ID),
            b"x-datadog-parent-id" => (Self::Datadog, datadog::PARENT_ID),
            b"x-datadog-sampling-priority" => (Self::Datadog, datadog::PRIORITY),
            b"x-datadog-tags" => (Self::Datadog, datadog::TAGS),
            b"x-cloud-trace-context" => (Self::CloudTrace, cloud_trace::HEADER),
            b"grpc-trace-bin" => (Self::GrpcTraceBin, grpc_trace_bin::HEADER),
            b"ot-tracer-traceid" => (Self::OtTrace, ot_trace::TRACE_ID),
            b"ot-tracer-spanid" => (Self::OtTrace, ot_trace::SPAN_ID),
            b"ot-tracer-sampled" => (Self::OtTrace, ot_trace::SAMPLED),
            _ => return None,
        })
    }

    fn parse(self, carried: &Carried<'_>) -> Result<Reading, &'static str> {
        match self {
            Self::B3Single => b3_single::parse(carried),
            Self::B3Multi => b3_multi::parse(carried),
            Self::Jaeger => jaeger::parse(carried),
            Self::XRay => xray::parse(carried),
            Self::Datadog => datadog::parse(carried),
            Self::CloudTrace => cloud_trace::parse(carried),
            Self::GrpcTraceBin => grpc_trace_bin::parse(carried),
            Self::OtTrace => ot_trace::parse(carried),
        }
    }
}

/// What a caller wants of the decision whether a request is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// The caller left it to us.
    #[default]
    Deferred,
    /// Recorded.
    Sampled,
    /// Not recorded.
    NotSampled,
    /// Recorded whatever samplers say, by somebody who looks for a fault.
    Debug,
}

/// A context in another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignContext {
    /// The trace; an id of 64 bits has zeros on its left.
    pub trace_id: TraceId,
    /// The caller's span; `None` where the caller named a trace and made no span in it.
    pub span_id: Option<SpanId>,
    /// What the caller wants.
    pub decision: Decision,
}

impl ForeignContext {
    /// Whether this is that trace, as far as an id that may have been cut to its right half tells.
    pub fn names_trace(&self, trace_id: TraceId) -> bool {
        let is_cut = upper(self.trace_id) == 0 || upper(trace_id) == 0;
        self.trace_id == trace_id || (is_cut && narrow(self.trace_id) == narrow(trace_id))
    }
}

/// What the headers of one format held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignReading {
    /// A context.
    Found(ForeignContext),
    /// No ids, only what the caller wants: `b3: 0`.
    DecisionOnly(Decision),
    /// Headers that have to be ignored, and why.
    Malformed(&'static str),
}

/// The header lines of other formats in one request; nothing is allocated when there are none.
#[derive(Clone, Debug, Default)]
pub struct Carried<'a> {
    lines: Vec<(Format, &'static str, &'a [u8])>,
}

impl<'a> Carried<'a> {
    /// Takes a header line in if it belongs to one of these formats.
    pub fn offer(&mut self, formats: &[Format], name: &[u8], value: &'a [u8]) {
        if let Some((format, name)) = Format::of_header(name)
            && formats.contains(&format)
            && self.lines.len() < MAX_CARRIED_LINES
        {
            self.lines.push((format, name, value));
        }
    }

    /// Whether none was taken in.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Reads a format; `None` when the request carries none of its headers.
    pub fn read(&self, format: Format) -> Option<Foreign> {
        let mut names: Vec<&'static str> = Vec::new();
        for (_, name, _) in self.lines.iter().filter(|(candidate, ..)| *candidate == format) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return None;
        }
        Some(match format.parse(self) {
            Ok(Reading { ids: Some((trace_id, span_id)), decision, width, kept }) => {
                let context = ForeignContext { trace_id, span_id, decision };
                Foreign { format, reading: ForeignReading::Found(context), names, width, kept }
            }
            Ok(Reading { ids: None, decision, width, kept }) => {
                Foreign { format, reading: ForeignReading::DecisionOnly(decision), names, width, kept }
            }
            Err(reason) => {
                let reading = ForeignReading::Malformed(reason);
                Foreign { format, reading, names, width: Width::Wide, kept: String::new() }
            }
        })
    }

    /// The first line with this name.
    fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.lines.iter().find(|(_, candidate, _)| *candidate == name).map(|(.., value)| *value)
    }

    /// The only line with this name; two of them contradict each other.
    fn only(&self, name: &str) -> Result<Option<&'a [u8]>, &'static str> {
        let mut lines = self.lines.iter().filter(|(_, candidate, _)| *candidate == name);
        let first = lines.next().map(|(.., value)| *value);
        if lines.next().is_some() { Err("a header is there more than once") } else { Ok(first) }
    }
}

/// What a format's own file reads.
struct Reading {
    ids: Option<(TraceId, Option<SpanId>)>,
    decision: Decision,
    width: Width,
    kept: String,
}

impl Reading {
    fn of_ids(trace_id: TraceId, span_id: SpanId, decision: Decision) -> Self {
        Self { ids: Some((trace_id, Some(span_id))), decision, width: Width::Wide, kept: String::new() }
    }

    fn of_width(self, width: Width) -> Self {
        Self { width, ..self }
    }

    fn keeping(self, kept: String) -> Self {
        Self { kept, ..self }
    }
}

/// The headers of one format that a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Which format.
    pub format: Format,
    /// What they held.
    pub reading: ForeignReading,
    names: Vec<&'static str>,
    width: Width,
    /// What stood beside the context and belongs to others, in the format's own terms.
    kept: String,
}

/// A change to the headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// This one value in place of all.
    Set(&'static str, String),
    /// No such header.
    Remove(&'static str),
}

/// What is written back.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The context that is passed on.
    pub context: &'a TraceContext,
    /// Whether a recorded request is to be recorded by all.
    pub is_debug: bool,
}

impl Foreign {
    /// Forgets what stood beside the context, as a trace that begins anew must.
    pub fn forget_the_rest(&mut self) {
        self.kept = String::new();
    }

    /// The changes that put this context in place of the one the request carries. Malformed headers are taken
    /// away, and so is every companion header that has no meaning any more.
    pub fn rewrite(&self, outgoing: &Outgoing<'_>) -> Vec<Rewrite> {
        let values = match self.reading {
            ForeignReading::Malformed(_) => Vec::new(),
            ForeignReading::Found(_) | ForeignReading::DecisionOnly(_) => self.values(outgoing),
        };
        let is_written = |name: &str| values.iter().any(|(written, _)| *written == name);
        let stale: Vec<&'static str> = self.names.iter().copied().filter(|name| !is_written(name)).collect();
        let set = values.into_iter().map(|(name, value)| Rewrite::Set(name, value));
        set.chain(stale.into_iter().map(Rewrite::Remove)).collect()
    }

    fn values(&self, outgoing: &Outgoing<'_>) -> Vec<(&'static str, String)> {
        match self.format {
            Format::B3Single => b3_single::write(outgoing, self.width),
            Format::B3Multi => b3_multi::write(outgoing, self.width),
            Format::Jaeger => jaeger::write(outgoing, self.width),
            Format::XRay => xray::write(outgoing, &self.kept),
            Format::Datadog => datadog::write(outgoing, &self.kept),
            Format::CloudTrace => cloud_trace::write(outgoing),
            Format::GrpcTraceBin => grpc_trace_bin::write(outgoing, &self.kept),
            Format::OtTrace => ot_trace::write(outgoing),
        }
    }
}

impl Outgoing<'_> {
    fn is_sampled(&self) -> bool {
        self.context.flags.is_sampled()
    }

    fn one_or_zero(&self) -> &'static str {
        if self.is_sampled() { "1" } else { "0" }
    }
}

#[cfg(test)]
mod tests;
