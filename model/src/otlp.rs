//! OTLP trace messages to bytes and back: `opentelemetry.proto.collector.trace.v1`, protocol buffers encoding.

mod borrowed;
mod decode;
mod encode;
mod stub;
mod wire;

pub use borrowed::{AttributeRef, EventRef, LinkRef, PlainSpan, SpanOutline, SpanRef, ValueRef};
pub use decode::{
    DecodeError, Decoded, SpanHead, SpanPlace, Tally, decode_export_request, decode_rejected_spans,
    decode_resource, decode_span, read_plain_attribute, read_plain_span, read_resource, read_service_name,
    read_span, read_span_outline, scan_export_request,
};
pub use encode::{BatchWriter, SpanWriter, encode_export_request, encode_export_response};
pub use stub::Stub;

/// The gRPC service that takes spans.
pub const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
/// Its only method.
pub const METHOD: &str = "Export";
/// Where spans are taken by HTTP.
pub const HTTP_PATH: &str = "/v1/traces";
/// The type of spans and answers as protocol buffers.
pub const HTTP_CONTENT_TYPE: &str = "application/x-protobuf";
/// The type of spans as JSON.
pub const HTTP_JSON_CONTENT_TYPE: &str = "application/json";

#[cfg(test)]
mod tests;
