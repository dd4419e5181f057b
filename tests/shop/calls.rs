//! The calls a service makes: all go to its own proxy, which finds the callee by the authority.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use harness::topology::{Call, Forwards, Method, Protocol, Service, Topology};
use harness::truth::CALL_HEADER;
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tonic::transport::{Channel, Endpoint};

use crate::raw::RawCodec;

/// No call may hang a request for ever.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The port every service of the mesh claims to listen on.
const SERVICE_PORT: u16 = 8080;

/// Makes calls through the proxy's outbound listener.
pub(crate) struct Caller {
    http: Client<HttpConnector, Full<Bytes>>,
    grpc: BTreeMap<String, tonic::client::Grpc<Channel>>,
    outbound: SocketAddr,
    namespace: String,
}

/// How a call went.
pub(crate) struct CallResult {
    /// The HTTP status or gRPC code; 599 when no answer came.
    pub(crate) status: u16,
    /// Whether the callee says that it did what was asked.
    pub(crate) succeeded: Succeeded,
}

/// The two ways a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Succeeded {
    Yes,
    No,
}

impl Caller {
    /// Prepares the calls of one service; no connection is opened yet.
    pub(crate) fn new(topology: &Topology, service: &Service, outbound: SocketAddr) -> Result<Self> {
        let mut grpc = BTreeMap::new();
        for callee in topology.callees(service) {
            if topology.service(&callee)?.protocol == Protocol::Grpc {
                let origin: Uri = format!("http://{}", authority(&callee, &topology.namespace)).parse()?;
                let endpoint = Endpoint::from_shared(format!("http://{outbound}"))?.timeout(CALL_TIMEOUT);
                let channel = endpoint.origin(origin.clone()).connect_lazy();
                grpc.insert(callee, tonic::client::Grpc::with_origin(channel, origin));
            }
        }
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { http, grpc, outbound, namespace: topology.namespace.clone() })
    }

    /// Makes one call with these headers.
    pub(crate) async fn call(&self, call: &Call, headers: HeaderMap) -> CallResult {
        match self.grpc.get(&call.to) {
            Some(client) => call_grpc(client.clone(), call, headers).await,
            None => self.call_http(call, headers).await.unwrap_or_else(|error| {
                eprintln!("call to {} failed: {error:#}", call.to);
                CallResult { status: 599, succeeded: Succeeded::No }
            }),
        }
    }

    async fn call_http(&self, call: &Call, headers: HeaderMap) -> Result<CallResult> {
        let method = match call.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let uri = format!("http://{}{}", self.outbound, call.path);
        let mut request = http::Request::builder().method(method).uri(uri).body(Full::new(Bytes::new()))?;
        *request.headers_mut() = headers;
        let host = HeaderValue::try_from(authority(&call.to, &self.namespace))?;
        request.headers_mut().insert(http::header::HOST, host);
        let response =
            tokio::time::timeout(CALL_TIMEOUT, self.http.request(request)).await.context("timeout")??;
        let status = response.status();
        response.into_body().collect().await?;
        let succeeded = if status.is_success() { Succeeded::Yes } else { Succeeded::No };
        Ok(CallResult { status: status.as_u16(), succeeded })
    }
}

async fn call_grpc(mut client: tonic::client::Grpc<Channel>, call: &Call, headers: HeaderMap) -> CallResult {
    let path = match http::uri::PathAndQuery::try_from(call.path.as_str()) {
        Ok(path) => path,
        Err(_) => return CallResult { status: 12, succeeded: Succeeded::No },
    };
    let outcome = match client.ready().await {
        Ok(()) => {
            let metadata = tonic::metadata::MetadataMap::from_headers(headers);
            let request = tonic::Request::from_parts(metadata, http::Extensions::new(), Bytes::new());
            client.unary(request, path, RawCodec).await.map(|_| ())
        }
        Err(error) => Err(tonic::Status::unavailable(error.to_string())),
    };
    match outcome {
        Ok(()) => CallResult { status: 0, succeeded: Succeeded::Yes },
        Err(status) => CallResult { status: status.code() as u16, succeeded: Succeeded::No },
    }
}

/// The authority under which the proxies of the mesh know a service.
fn authority(service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}.svc.cluster.local:{SERVICE_PORT}")
}

/// The headers of a call: what the service forwards of the request it works on, and the shop's own key.
pub(crate) fn outgoing_headers(forwards: Forwards, incoming: &HeaderMap, key: Option<&str>) -> HeaderMap {
    let mut outgoing = HeaderMap::new();
    for (name, value) in incoming {
        if is_forwarded(forwards, name.as_str()) {
            outgoing.append(name.clone(), value.clone());
        }
    }
    if let Some(value) = key.and_then(|key| HeaderValue::try_from(key).ok()) {
        outgoing.insert(CALL_HEADER, value);
    }
    outgoing
}

fn is_forwarded(forwards: Forwards, name: &str) -> bool {
    match forwards {
        Forwards::TraceHeaders => {
            matches!(name, "traceparent" | "tracestate" | "b3" | "baggage" | "x-request-id")
                || name.starts_with("x-b3-")
        }
        Forwards::RequestId => name == "x-request-id",
        Forwards::Nothing => false,
    }
}

#[cfg(test)]
mod tests;
