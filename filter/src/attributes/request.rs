//! The request's own facts as attributes, by the semantic conventions for HTTP and RPC spans.

use std::borrow::Cow;

use throughline_model::attribute;
use throughline_model::otlp::SpanWriter;
use throughline_model::span::{Attribute, SpanKind, Value};

use super::{AttributesConfig, OTHER_METHOD, Target, client_address, host_and_port, method_of};
use crate::headers::{Headers, Known, printable};

/// Longest text of one attribute; what is longer is cut.
const MAX_TEXT_BYTES: usize = 1024;
/// Most values of one captured header.
const MAX_HEADER_VALUES: usize = 16;

/// Which conventions a request follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// HTTP spans.
    #[default]
    Http,
    /// RPC spans, for gRPC.
    Grpc,
    /// RPC spans too, for gRPC-Web, whose trailers are in the body.
    GrpcWeb,
}

impl Convention {
    /// By the type of the request's body.
    pub fn of(headers: &Headers) -> Self {
        match headers.get(Known::ContentType) {
            Some(value) if value.starts_with(b"application/grpc-web") => Self::GrpcWeb,
            Some(value) if value.starts_with(b"application/grpc") => Self::Grpc,
            _ => Self::Http,
        }
    }
}

/// Writes the name and what the request's headers say.
pub fn write_request(
    span: &mut SpanWriter<'_>,
    kind: SpanKind,
    headers: &Headers,
    convention: Convention,
    config: &AttributesConfig,
) {
    let path = headers.get(Known::Path).unwrap_or_default();
    let path = printable(path).map_or_else(|| String::from_utf8_lossy(path), Cow::Borrowed);
    let target = Target::parse(&path);
    let written_method = headers.get_text(Known::Method).unwrap_or_default();
    let method = method_of(written_method);
    match convention {
        Convention::Grpc | Convention::GrpcWeb => {
            let rpc_method = cut(target.path.trim_start_matches('/'));
            span.name(rpc_method).text(attribute::RPC_SYSTEM_NAME, "grpc");
            span.text(attribute::RPC_METHOD, rpc_method);
        }
        // The path is of high cardinality and therefore no part of the name; the template is not known here.
        Convention::Http => drop(span.name(if method == OTHER_METHOD { "HTTP" } else { method })),
    }
    if !written_method.is_empty() {
        span.text(attribute::HTTP_REQUEST_METHOD, method);
        if method == OTHER_METHOD {
            span.text(attribute::HTTP_REQUEST_METHOD_ORIGINAL, cut(written_method));
        }
    }
    if !target.path.is_empty() {
        span.text(attribute::URL_PATH, cut(target.path));
    }
    let authority = headers.get_text(Known::Authority).unwrap_or_default();
    let scheme = headers.get_text(Known::Scheme).unwrap_or_default();
    match kind {
        SpanKind::Client if convention != Convention::Http || authority.is_empty() => {}
        SpanKind::Client => {
            let scheme = if scheme.is_empty() { "http" } else { scheme };
            let url = target.full_url(scheme, authority, config.url_query);
            span.text(attribute::URL_FULL, cut(&url));
        }
        _ => write_for_server(span, headers, &target, config),
    }
    write_server_address(span, authority);
    if let Some(agent) = headers.get_text(Known::UserAgent) {
        span.text(attribute::USER_AGENT_ORIGINAL, cut(agent));
    }
    write_captured(span, headers, &config.request_headers);
}

fn write_for_server(
    span: &mut SpanWriter<'_>,
    headers: &Headers,
    target: &Target<'_>,
    config: &AttributesConfig,
) {
    if let Some(scheme) = headers.get_text(Known::Scheme) {
        span.text(attribute::URL_SCHEME, cut(scheme));
    }
    if let Some(query) = target.shown_query(config.url_query) {
        span.text(attribute::URL_QUERY, cut(&query));
    }
    if let Some(client) = client_address(headers) {
        span.text(attribute::CLIENT_ADDRESS, cut(client));
    }
}

fn write_server_address(span: &mut SpanWriter<'_>, authority: &str) {
    // Credentials before the host are nobody's business.
    let start = authority.bytes().rposition(|byte| byte == b'@').map_or(0, |at| at + 1);
    let authority = authority.get(start..).unwrap_or_default();
    let (host, port) = host_and_port(authority);
    if host.is_empty() {
        return;
    }
    span.text(attribute::SERVER_ADDRESS, cut(host));
    if let Some(port) = port {
        span.int(attribute::SERVER_PORT, i64::from(port));
    }
}

fn write_captured(span: &mut SpanWriter<'_>, headers: &Headers, names: &[String]) {
    for name in names {
        let values: Vec<Value> = headers
            .all(name)
            .take(MAX_HEADER_VALUES)
            .map(|value| Value::Text(cut(&String::from_utf8_lossy(value)).to_owned()))
            .collect();
        if !values.is_empty() {
            let key = format!("{}{name}", attribute::HTTP_REQUEST_HEADER_PREFIX);
            span.attribute(&Attribute { key, value: Value::List(values) });
        }
    }
}

/// The text up to the limit of an attribute, not cut inside a character.
pub fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
