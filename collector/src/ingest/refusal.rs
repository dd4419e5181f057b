//! Why a request is refused, and the codes that say so: the one place that knows HTTP and gRPC codes.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tonic::Code;

/// Seconds after which a sender may try again.
const RETRY_AFTER_S: u8 = 1;

/// Why a request is refused whole, in words for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not an OTLP trace message, or not what its headers say.
    Malformed(String),
    /// A format that is not taken.
    WrongType(String),
    /// More bytes than one message may have.
    TooLarge(String),
    /// The sender did not finish its message in time, or broke off.
    Broken(String),
    /// Trying again later may succeed.
    Busy(String),
    /// The spans cannot be kept.
    Failed(String),
}

impl Refusal {
    /// The words for the sender.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Malformed(words)
            | Self::WrongType(words)
            | Self::TooLarge(words)
            | Self::Broken(words)
            | Self::Busy(words)
            | Self::Failed(words) => words,
        }
    }

    /// The name of the reason in the counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongType(_) => "wrong-type",
            Self::TooLarge(_) => "too-large",
            Self::Broken(_) => "broken-off",
            Self::Busy(_) => "busy",
            Self::Failed(_) => "failed",
        }
    }

    pub(super) fn http_status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::WrongType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            // A sender tries again after 503 and not after 408 (OTLP/HTTP, "Failures").
            Self::Broken(_) | Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn grpc_code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::WrongType(_) => Code::InvalidArgument,
            Self::TooLarge(_) | Self::Busy(_) => Code::ResourceExhausted,
            Self::Broken(_) => Code::DeadlineExceeded,
            Self::Failed(_) => Code::Unavailable,
        }
    }

    /// The `google.rpc.Status` that OTLP/HTTP wants as the body of an error and gRPC as its details. A refusal that is
    /// worth trying again says when: without that, senders drop what was refused with RESOURCE_EXHAUSTED.
    pub(super) fn rpc_status(&self) -> Vec<u8> {
        let mut status = Vec::new();
        // Status: 1 = code, 2 = message, 3 = details.
        status.extend([1 << 3, self.grpc_code() as u8]);
        write_field(&mut status, 2, self.words().as_bytes());
        if matches!(self, Self::Busy(_)) {
            // RetryInfo: 1 = retry_delay. Duration: 1 = seconds.
            let retry_info = [(1 << 3) | 2, 2, 1 << 3, RETRY_AFTER_S];
            // Any: 1 = type_url, 2 = value.
            let mut any = Vec::new();
            write_field(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            write_field(&mut any, 2, &retry_info);
            write_field(&mut status, 3, &any);
        }
        status
    }
}

/// Says in an HTTP answer when to try again, where that may help.
pub(super) fn add_retry_after(refusal: &Refusal, response: &mut Response) {
    if matches!(refusal, Refusal::Broken(_) | Refusal::Busy(_) | Refusal::Failed(_)) {
        let name: HeaderName = RETRY_AFTER;
        response.headers_mut().insert(name, HeaderValue::from(u16::from(RETRY_AFTER_S)));
    }
}

/// Writes a length-delimited field of a protocol buffers message.
fn write_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push((number << 3) | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length as u8) | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}
