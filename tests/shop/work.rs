//! What a service does with a request: it works for a while, makes its calls, and now and then fails or is slow.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use harness::fault::{Fault, MAX_ROUNDS};
use harness::topology::{Background, Call, CallFailure, Endpoint, Forwards, Service};
use harness::truth::{CALL_HEADER, Record, TruthWriter};
use http::HeaderMap;

use crate::calls::{Caller, Succeeded, outgoing_headers};

/// One service of the shop.
pub(crate) struct Shop {
    name: String,
    service: Service,
    calls: Caller,
    truth: TruthWriter,
    fault_file: PathBuf,
    anonymous_requests: AtomicU64,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Everything was done.
    Done,
    /// The service itself failed.
    Failed,
    /// A call failed, and the endpoint says how to answer then.
    CallFailed(CallFailure),
    /// There is no such endpoint.
    Unknown,
    /// The service is not there: the connection is closed.
    Gone,
}

impl Answer {
    /// The answer over HTTP.
    pub(crate) fn http_status(self) -> http::StatusCode {
        match self {
            Self::Done | Self::CallFailed(CallFailure::GoOn) => http::StatusCode::OK,
            Self::Failed | Self::Gone => http::StatusCode::INTERNAL_SERVER_ERROR,
            Self::CallFailed(CallFailure::Answer502) => http::StatusCode::BAD_GATEWAY,
            Self::CallFailed(CallFailure::Answer503) => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown => http::StatusCode::NOT_FOUND,
        }
    }

    /// The answer over gRPC.
    pub(crate) fn grpc_code(self) -> tonic::Code {
        match self {
            Self::Done | Self::CallFailed(CallFailure::GoOn) => tonic::Code::Ok,
            Self::CallFailed(CallFailure::Answer502) => tonic::Code::Internal,
            Self::Failed | Self::Gone | Self::CallFailed(CallFailure::Answer503) => tonic::Code::Unavailable,
            Self::Unknown => tonic::Code::Unimplemented,
        }
    }
}

impl Shop {
    /// A service ready to answer.
    pub(crate) fn new(
        name: String,
        service: Service,
        calls: Caller,
        (truth, fault_file): (TruthWriter, PathBuf),
    ) -> Self {
        Self { name, service, calls, truth, fault_file, anonymous_requests: AtomicU64::new(0) }
    }

    /// The name of the service.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Works on one request.
    pub(crate) async fn handle(&self, path: &str, headers: &HeaderMap) -> Answer {
        let Some(endpoint) = self.service.endpoints.iter().find(|endpoint| endpoint.path == path) else {
            return Answer::Unknown;
        };
        let key = call_key(headers);
        let luck = self.luck(key);
        let fault = Fault::read(&self.fault_file);
        tokio::time::sleep(self.work_time(luck) + Duration::from_millis(fault.extra_ms)).await;
        if fault.is_gone {
            return Answer::Gone;
        }
        if luck.share("fail") < fault.fail_rate.unwrap_or(self.service.fail_rate) {
            return Answer::Failed;
        }
        if let Some(call) = &fault.call_back
            && key.is_some_and(|key| key.matches('/').count() < MAX_ROUNDS)
        {
            self.make_call(call, key, key.map(|key| format!("{key}/back")), headers).await;
        }
        self.make_calls(endpoint, key, headers).await
    }

    /// Makes the calls that no request causes, for as long as the service runs.
    pub(crate) async fn call_in_background(&self) {
        let Some(Background { call, every_ms }) = &self.service.background else { return };
        let mut pace = tokio::time::interval(Duration::from_millis(*every_ms));
        for number in 0_u64.. {
            pace.tick().await;
            let key = format!("background-{}-{number}", self.name);
            let headers = outgoing_headers(Forwards::Nothing, &HeaderMap::new(), Some(&key));
            self.calls.call(call, headers).await;
        }
    }

    /// Writes down that a request was answered; requests without a key leave no record.
    pub(crate) fn record_handled(&self, path: &str, headers: &HeaderMap, status: u16) {
        if let Some(key) = call_key(headers) {
            let (key, service, path) = (key.to_owned(), self.name.clone(), path.to_owned());
            let trace_id = trace_id(headers);
            self.record(&Record::Handled { key, service, path, status, trace_id });
        }
    }

    async fn make_calls(&self, endpoint: &Endpoint, key: Option<&str>, headers: &HeaderMap) -> Answer {
        let mut number = 0;
        for step in &endpoint.steps {
            let calls = step.iter().map(|call| {
                let call_key = key.map(|key| format!("{key}/{number}"));
                number += 1;
                self.make_call(call, key, call_key, headers)
            });
            let results = futures_util::future::join_all(calls).await;
            let one_failed = results.contains(&Succeeded::No);
            if one_failed && endpoint.when_a_call_fails != CallFailure::GoOn {
                return Answer::CallFailed(endpoint.when_a_call_fails);
            }
        }
        Answer::Done
    }

    async fn make_call(
        &self,
        call: &Call,
        parent: Option<&str>,
        key: Option<String>,
        headers: &HeaderMap,
    ) -> Succeeded {
        let outgoing = outgoing_headers(self.service.forwards, headers, key.as_deref());
        let result = self.calls.call(call, outgoing).await;
        if let (Some(key), Some(parent)) = (key, parent) {
            let (parent, from) = (parent.to_owned(), self.name.clone());
            let (to, path, status) = (call.to.clone(), call.path.clone(), result.status);
            self.record(&Record::Called { key, parent, from, to, path, status });
        }
        result.succeeded
    }

    fn record(&self, record: &Record) {
        if let Err(error) = self.truth.write(record) {
            eprintln!("cannot write the truth: {error:#}");
        }
    }

    /// A little more or less than the time the topology gives, and much more for a slow request.
    fn work_time(&self, luck: Luck) -> Duration {
        let jitter = 0.8 + 0.4 * luck.share("jitter");
        let slow_ms = if luck.share("slow") < self.service.slow_rate { self.service.slow_ms } else { 0 };
        Duration::from_micros((self.service.work_ms as f64 * 1000.0 * jitter) as u64 + slow_ms * 1000)
    }

    /// Chance that is the same in every run for the same call of the same service.
    fn luck(&self, key: Option<&str>) -> Luck {
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        match key {
            Some(key) => key.hash(&mut hasher),
            None => self.anonymous_requests.fetch_add(1, Ordering::Relaxed).hash(&mut hasher),
        }
        Luck(hasher.finish())
    }
}

/// The chances of one request.
#[derive(Clone, Copy)]
struct Luck(u64);

impl Luck {
    /// A number from 0 to 1, independent for each purpose.
    fn share(self, purpose: &str) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.0, purpose).hash(&mut hasher);
        (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What the proxy in front wrote into the request.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let context = headers.get("traceparent")?.to_str().ok()?;
    context.split('-').nth(1).map(str::to_owned)
}

fn call_key(headers: &HeaderMap) -> Option<&str> {
    headers.get(CALL_HEADER)?.to_str().ok()
}

#[cfg(test)]
mod tests;
