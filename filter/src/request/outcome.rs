//! How a request ended: status codes, Envoy's own word on failures, and whether that is an error.

use throughline_model::span::{SpanKind, StatusCode};

use super::{Begun, Role};
use crate::attributes::Convention;
use crate::host::{HeaderMap, Host};

/// Envoy's response flags in the order of their bits, as its access log writes them.
const FLAGS: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];
/// The flags of a caller that went away: DC, by closing its connection, and DR, by resetting its stream.
const CALLER_GONE: u64 = 1 << 14 | 1 << 28;
/// The flags of a response that broke off whatever its status said: LR, UR, UC, SI, DPE, UMSDR, UPE.
const BROKEN_OFF: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 16 | 1 << 18 | 1 << 19 | 1 << 23;
/// The flag of a connection that could not be made: UF.
const CONNECTION_FAILED: u64 = 1 << 5;
/// The flags that blame the upstream: UH, UT, UR, UF, UC, UO, URX, UMSDR, UPE.
const UPSTREAM_FAILED: u64 =
    1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 15 | 1 << 19 | 1 << 23;

/// The flags of a proxy that waits no longer: UT, SI, UMSDR, DT.
const GAVE_UP: u64 = 1 << 2 | 1 << 16 | 1 << 19 | 1 << 22;
/// The proxy's answer then, but for gRPC.
const GATEWAY_TIMEOUT: i64 = 504;

/// The header, or trailer, with the status of a gRPC call.
pub(super) const GRPC_STATUS: &str = "grpc-status";
/// gRPC status codes by number.
const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// The gRPC status that Envoy makes up of an HTTP status of 200 where no gRPC status came.
const UNKNOWN: i64 = 2;
/// The gRPC codes that are a server's own failure (semantic conventions, gRPC, "Server spans").
const GRPC_SERVER_ERRORS: [i64; 6] = [2, 4, 12, 13, 14, 15];

/// What the response and Envoy say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The HTTP status that went to the caller; `None` when none did.
    pub http_status: Option<i64>,
    /// The gRPC status, for gRPC requests.
    pub grpc_status: Option<i64>,
    /// Envoy's response flags as a bit set.
    pub flags: u64,
    /// Envoy's response code details, cut at `{`; only read when something went wrong.
    pub details: String,
    /// The cluster the request was sent to.
    pub upstream_cluster: String,
    /// Which conventions its spans follow.
    pub convention: Convention,
}

impl Outcome {
    /// Asks the host, for the common case as little as possible.
    pub fn read(host: &mut impl Host, begun: &Begun) -> Self {
        // Zero stands for a response that never came.
        let http_status = number_property(host, "response\0code").filter(|status| *status != 0);
        let convention = Convention::of(&begun.headers);
        let grpc_status = begun.grpc_status.or_else(|| match convention {
            Convention::Grpc => number_property(host, "response\0grpc_status"),
            // Envoy derives one from the HTTP status, which says nothing, and does not look into bodies.
            Convention::GrpcWeb => number_header(host, HeaderMap::Response, GRPC_STATUS),
            Convention::Http => None,
        });
        let mut outcome = Self { http_status, grpc_status, convention, ..Self::default() };
        // Asked always: a response that broke off after its headers said 200 shows in the flags alone.
        outcome.flags = number_property(host, "response\0flags").unwrap_or(0) as u64;
        if outcome.grpc_status == Some(UNKNOWN) && outcome.flags & (CALLER_GONE | BROKEN_OFF) != 0 {
            outcome.grpc_status = None;
        }
        if !outcome.is_good() {
            let details = text_property(host, "response\0code_details");
            // Behind the brace stand addresses and messages that differ from request to request.
            outcome.details = details.split('{').next().unwrap_or_default().to_owned();
        }
        outcome.upstream_cluster = match begun.role {
            Role::Inbound => String::new(),
            // A filter behind ours may have chosen another route since; where something went wrong, that is asked.
            Role::Outbound if outcome.is_good() && !begun.cluster.is_empty() => begun.cluster.clone(),
            Role::Outbound | Role::Gateway => text_property(host, "xds\0cluster_name"),
        };
        outcome
    }

    /// Envoy's response flags as its access log writes them, joined by commas; empty when there are none.
    pub fn flag_names(&self) -> String {
        if self.flags == 0 {
            return String::new();
        }
        names_of(self.flags).collect::<Vec<_>>().join(",")
    }

    /// The gRPC status by name.
    pub fn grpc_name(&self) -> Option<&'static str> {
        let number = usize::try_from(self.grpc_status?).ok()?;
        Some(GRPC_NAMES.get(number).copied().unwrap_or("UNKNOWN"))
    }

    /// Whether nobody has anything to complain of.
    pub fn is_good(&self) -> bool {
        let is_answered = self.http_status.is_some_and(|status| status < 400);
        is_answered && self.grpc_status.unwrap_or(0) == 0 && self.flags == 0
    }

    /// Whether the proxy waited no longer; the workload may not know.
    pub fn has_given_up(&self) -> bool {
        self.http_status == Some(GATEWAY_TIMEOUT) || self.flags & GAVE_UP != 0
    }

    /// Whether no connection to the upstream came about.
    pub fn has_failed_to_connect(&self) -> bool {
        self.flags & CONNECTION_FAILED != 0
    }

    /// Whether Envoy says that it was for the upstream.
    pub fn has_upstream_failed(&self) -> bool {
        self.flags & UPSTREAM_FAILED != 0
    }

    /// Whether the caller would call it a failure.
    pub fn is_failure(&self) -> bool {
        self.status_of(SpanKind::Server) == StatusCode::Error
    }

    /// The status of a span of this kind (semantic conventions 1.44.0, HTTP and gRPC spans, "Status"). A request
    /// whose caller went away is nobody's error, unless an error had been sent before.
    pub fn status_of(&self, kind: SpanKind) -> StatusCode {
        let has_sent_error =
            self.grpc_status.unwrap_or(0) != 0 || self.http_status.is_some_and(|status| status >= 400);
        if self.flags & CALLER_GONE != 0 && !has_sent_error {
            return StatusCode::Unset;
        }
        let is_client = kind == SpanKind::Client;
        let is_error = match (self.http_status, self.grpc_status) {
            // With a status of 4xx or 5xx the status decides: it went out whole.
            (status, _) if self.flags & BROKEN_OFF != 0 && status.is_none_or(|status| status < 400) => true,
            (_, Some(grpc)) if grpc != 0 => is_client || GRPC_SERVER_ERRORS.contains(&grpc),
            (Some(http), _) => http >= 500 || (is_client && http >= 400),
            (None, _) => true,
        };
        if is_error { StatusCode::Error } else { StatusCode::Unset }
    }

    /// `error.type` for a span in error: the status that the application gave, else Envoy's flag.
    pub fn error_type(&self) -> String {
        let is_from_application = self.details.is_empty() || self.details == "via_upstream";
        // That the caller went away was no error.
        let flag = names_of(self.flags & !CALLER_GONE).next();
        if let Some(flag) = flag.filter(|_| !is_from_application) {
            return flag.to_owned();
        }
        match (self.grpc_name().filter(|_| self.grpc_status != Some(0)), self.http_status) {
            (Some(name), _) => name.to_owned(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "_OTHER".to_owned(),
        }
    }
}

/// The names of these flags, in the order of their bits.
fn names_of(flags: u64) -> impl Iterator<Item = &'static str> {
    FLAGS.into_iter().enumerate().filter(move |(bit, _)| flags & (1 << bit) != 0).map(|(_, name)| name)
}

/// The number in a header.
pub(super) fn number_header(host: &mut impl Host, map: HeaderMap, name: &str) -> Option<i64> {
    std::str::from_utf8(&host.header(map, name)?).ok()?.parse().ok()
}

fn number_property(host: &mut impl Host, path: &str) -> Option<i64> {
    let bytes: [u8; 8] = host.property(path)?.try_into().ok()?;
    Some(i64::from_le_bytes(bytes))
}

fn text_property(host: &mut impl Host, path: &str) -> String {
    String::from_utf8_lossy(&host.property(path).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
