//! The collector's place and its language: one call by OTLP/gRPC or OTLP/HTTP, and what its answer means.

use throughline_model::otlp;

use crate::host::{CallToken, GrpcCall, Host, HttpCall, Refused};
use crate::settings::{Key, Kind, Reader};

/// `collector.cluster`.
const CLUSTER: Key = Key::new(
    "collector.cluster",
    Kind::Text { least: 1, most: 120 },
    "\"throughline-collector\"",
    "the proxy's cluster that leads to an OTLP port",
);
/// `collector.protocol`.
const PROTOCOL: Key = Key::new(
    "collector.protocol",
    Kind::Choice(&["grpc", "http"]),
    "\"grpc\"",
    "what that port speaks: OTLP/gRPC, or OTLP/HTTP with protobuf at `/v1/traces`",
);
/// `collector.token`.
const TOKEN: Key = Key::new(
    "collector.token",
    Kind::Secret { most: 4_096 },
    "\"\"",
    "sent with every batch as `authorization: Bearer TOKEN`",
);

/// The keys of this room.
pub const KEYS: &[Key] = &[CLUSTER, PROTOCOL, TOKEN];

/// How long the collector may take to answer.
const TIMEOUT_MS: u32 = 10_000;
/// gRPC status codes after which OTLP has the sender try again (specification 1.9, "Failures").
const RETRYABLE_GRPC: [u32; 7] = [1, 4, 8, 10, 11, 14, 15];
/// The same for HTTP ("Retryable Response Codes"). The proxy itself answers 503 when nobody listens and 504 when the
/// answer takes too long.
const RETRYABLE_HTTP: [u32; 4] = [429, 502, 503, 504];

/// What the collector's port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP, protobuf.
    Http,
}

/// `collector.*`: where batches go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorConfig {
    /// `collector.cluster`: the cluster of the proxy that leads to the collector.
    pub cluster: String,
    /// `collector.protocol`.
    pub protocol: Protocol,
    /// The value of `authorization`, from `collector.token`; empty when there is none.
    pub authorization: String,
}

impl CollectorConfig {
    /// Reads the keys of this room.
    pub fn read(reader: &mut Reader) -> Self {
        let token = reader.text(&TOKEN);
        Self {
            cluster: reader.text(&CLUSTER),
            protocol: if reader.choice(&PROTOCOL) == "http" { Protocol::Http } else { Protocol::Grpc },
            authorization: if token.is_empty() { token } else { format!("Bearer {token}") },
        }
    }

    /// Sends one encoded `ExportTraceServiceRequest`.
    pub fn call(&self, host: &mut impl Host, message: &[u8]) -> Result<CallToken, Refused> {
        match self.protocol {
            Protocol::Grpc => host.call_grpc(&GrpcCall {
                cluster: &self.cluster,
                service: otlp::SERVICE,
                method: otlp::METHOD,
                authorization: &self.authorization,
                message,
                timeout_ms: TIMEOUT_MS,
            }),
            Protocol::Http => host.call_http(&HttpCall {
                cluster: &self.cluster,
                authority: self.authority(),
                path: otlp::HTTP_PATH,
                content_type: otlp::HTTP_CONTENT_TYPE,
                authorization: &self.authorization,
                body: message,
                timeout_ms: TIMEOUT_MS,
            }),
        }
    }

    /// The host in the cluster's name: Istio's are `outbound|PORT|SUBSET|HOST`.
    fn authority(&self) -> &str {
        let host = self.cluster.rsplit('|').next().unwrap_or_default();
        if host.is_empty() { "throughline-collector" } else { host }
    }
}

/// What an answer says of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The collector has it.
    Taken,
    /// It did not arrive, and may if it is sent again.
    TryAgain,
    /// The collector will never take it.
    Refused,
}

impl Verdict {
    /// By the gRPC status of the answer.
    pub fn of_grpc(status: u32) -> Self {
        match status {
            0 => Self::Taken,
            status if RETRYABLE_GRPC.contains(&status) => Self::TryAgain,
            _ => Self::Refused,
        }
    }

    /// By the HTTP status of the answer; `None` when there was no answer.
    pub fn of_http(status: Option<u32>) -> Self {
        match status {
            None => Self::TryAgain,
            Some(200..=299) => Self::Taken,
            Some(status) if RETRYABLE_HTTP.contains(&status) => Self::TryAgain,
            Some(_) => Self::Refused,
        }
    }
}
