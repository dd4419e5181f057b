//! What a span says of a request beyond its outcome: the address asked for, the peers, the listed headers.

mod request;
mod url;

use crate::headers::{Headers, Known};
use crate::settings::{Key, Kind, Reader};

pub use request::{Convention, cut, write_request};
pub use url::Target;

/// `attributes.request_headers`.
const REQUEST_HEADERS: Key = Key::new(
    "attributes.request_headers",
    Kind::HeaderNames { most: 16 },
    "[]",
    "request headers that become attributes",
);
/// `attributes.url_query`.
const URL_QUERY: Key = Key::new(
    "attributes.url_query",
    Kind::Choice(&["off", "redacted", "full"]),
    "\"redacted\"",
    "how `url.query` and `url.full` show the query; credentials are never shown but by `full`",
);

/// `attributes.envoy_details`.
const ENVOY_DETAILS: Key = Key::new(
    "attributes.envoy_details",
    Kind::Choice(&["failures", "all"]),
    "\"failures\"",
    "which requests get the facts that Envoy has to be asked for one by one; `failures` includes requests that took \
     their upstream 100 ms",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[REQUEST_HEADERS, URL_QUERY, ENVOY_DETAILS];

/// Methods that are known (semantic conventions 1.44.0, `http.request.method`).
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
/// What every other method is called.
pub const OTHER_METHOD: &str = "_OTHER";

/// How a query is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryDetail {
    /// Not at all.
    Off,
    /// Without the values that give access to something.
    Redacted,
    /// As it came.
    Full,
}

/// Which requests get the facts that Envoy has to be asked for one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvoyDetails {
    /// Those that failed or were slow.
    Failures,
    /// All.
    All,
}

/// `attributes.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributesConfig {
    /// `attributes.request_headers`: lower-case names of headers that become attributes.
    pub request_headers: Vec<String>,
    /// `attributes.url_query`.
    pub url_query: QueryDetail,
    /// `attributes.envoy_details`.
    pub envoy_details: EnvoyDetails,
}

impl AttributesConfig {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            request_headers: reader.header_names(&REQUEST_HEADERS),
            url_query: match reader.choice(&URL_QUERY) {
                "off" => QueryDetail::Off,
                "full" => QueryDetail::Full,
                _ => QueryDetail::Redacted,
            },
            envoy_details: match reader.choice(&ENVOY_DETAILS) {
                "all" => EnvoyDetails::All,
                _ => EnvoyDetails::Failures,
            },
        }
    }
}

/// The method if it is known, else `_OTHER`.
pub fn method_of(written: &str) -> &'static str {
    METHODS.into_iter().find(|method| *method == written).unwrap_or(OTHER_METHOD)
}

/// An authority or an address in its parts; the brackets of an IPv6 address are left out.
pub fn host_and_port(text: &str) -> (&str, Option<u16>) {
    let colon = text.bytes().rposition(|byte| byte == b':').unwrap_or(text.len());
    let (host, port) = text.split_at_checked(colon).unwrap_or((text, ""));
    let (host, port) = match port.get(1..).and_then(|digits| digits.parse::<u16>().ok()) {
        // Colons without brackets belong to a bare IPv6 address.
        Some(port) if host.ends_with(']') || host.bytes().all(|byte| byte != b':') => (host, Some(port)),
        _ => (text, None),
    };
    (host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host), port)
}

/// Who began the request, by the word of the proxies on the way.
pub fn client_address(headers: &Headers) -> Option<&str> {
    let first = headers.get_text(Known::ForwardedFor)?.split(',').next()?.trim();
    if first.is_empty() { None } else { Some(first) }
}

#[cfg(test)]
mod tests;
