//! The boundary to the proxy: one trait, so that everything behind it can be tested without Envoy.

#[cfg(target_arch = "wasm32")]
mod envoy;
#[cfg(target_arch = "wasm32")]
mod exports;
#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code, reason = "the fuzzers use a part of what the tests do"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "never part of a module: a test may fail loudly"
)]
pub(crate) mod fake;
#[cfg(target_arch = "wasm32")]
mod memory;

use std::cell::RefCell;
use std::rc::Rc;

use crate::headers::Headers;
use crate::worker::Worker;

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For the operator's interest.
    Info,
    /// Something was wrong and has been dealt with.
    Warn,
}

/// Which messages' headers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMap {
    /// The request's headers.
    Request,
    /// The response's headers.
    Response,
    /// The headers of the answer to a call over HTTP, while it is being reported.
    CallResponse,
    /// The response's trailers.
    ResponseTrailers,
}

/// How a call to the collector was made, and so where its answer is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// By [`Host::call_grpc`].
    Grpc,
    /// By [`Host::call_http`].
    Http,
}

/// A counter registered with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterId(pub u32);

/// A call to the collector on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallToken(pub u32);

/// A value of the store that all workers share, with the version it was read at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedValue {
    /// The bytes; empty when the key was never set.
    pub bytes: Vec<u8>,
    /// What a conditional write must name; zero when the key was never set.
    pub version: u32,
}

/// The host did not take what was offered; the same offer may be taken later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What a proxy can do for the filter. Every call crosses the boundary of the virtual machine, and that is the
/// filter's cost: call as few as possible. No call blocks, and none fails loudly: what the host does not know is
/// absent.
pub trait Host {
    /// All headers of one message at once.
    fn headers(&mut self, map: HeaderMap) -> Headers;
    /// The first value of one header.
    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>>;
    /// Puts one header in place of all headers with that name.
    fn set_header(&mut self, map: HeaderMap, name: &str, value: &str);
    /// Adds a header beside those with that name.
    fn add_header(&mut self, map: HeaderMap, name: &str, value: &str);
    /// Takes away all headers with that name.
    fn remove_header(&mut self, map: HeaderMap, name: &str);
    /// Puts one request header in place of all headers with that name.
    fn set_request_header(&mut self, name: &str, value: &str) {
        self.set_header(HeaderMap::Request, name, value);
    }
    /// Takes away all request headers with that name.
    fn remove_request_header(&mut self, name: &str) {
        self.remove_header(HeaderMap::Request, name);
    }
    /// A property's bytes; the parts of its path are divided by zero bytes, as the ABI has it.
    fn property(&mut self, path: &str) -> Option<Vec<u8>>;
    /// The configuration of the plugin as the operator wrote it; empty when there is none.
    fn plugin_configuration(&mut self) -> Vec<u8>;
    /// A variable of the environment that the proxy gives the module.
    fn environment(&mut self, name: &str) -> Option<String>;
    /// Nanoseconds since 1970-01-01 UTC.
    fn wall_clock_ns(&mut self) -> u64;
    /// Nanoseconds since some moment in the past; never goes back.
    fn monotonic_ns(&mut self) -> u64;
    /// Fills the room with random bytes; `Refused` when there are none.
    fn fill_random(&mut self, room: &mut [u8]) -> Result<(), Refused>;
    /// Writes to the proxy's log.
    fn log(&mut self, level: LogLevel, line: &str);
    /// Registers a counter in the proxy's statistics; the same name always gives the same counter.
    fn define_counter(&mut self, name: &str) -> Option<CounterId>;
    /// Registers a gauge in the proxy's statistics, which all workers share: it goes up and down by
    /// [`Host::add_to_counter`].
    fn define_gauge(&mut self, name: &str) -> Option<CounterId>;
    /// Adds to a counter.
    fn add_to_counter(&mut self, counter: CounterId, amount: i64);
    /// Reads a value that all workers share.
    fn shared_value(&mut self, key: &str) -> SharedValue;
    /// Writes it unless somebody else did since `version` was read.
    fn set_shared_value(&mut self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused>;
    /// Writes it whatever is there: for values with one writer.
    fn put_shared_value(&mut self, key: &str, bytes: &[u8]);
    /// The state that all plugins of this worker share, and that outlives a change of configuration.
    fn worker(&mut self) -> Rc<RefCell<Worker>>;
    /// Asks for a timer call every so many milliseconds.
    fn tick_every_ms(&mut self, period_ms: u32);
    /// Sends a message to a gRPC method of a cluster of the proxy.
    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<CallToken, Refused>;
    /// Posts a body to a path of a cluster of the proxy.
    fn call_http(&mut self, call: &HttpCall<'_>) -> Result<CallToken, Refused>;
    /// The message or body that answers the call being reported.
    fn call_answer(&mut self, kind: CallKind, byte_count: usize) -> Vec<u8>;
    /// Tells the host that the root context, whose end was put off, may go.
    fn finish(&mut self);
}

/// A gRPC call to a cluster of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcCall<'a> {
    /// The cluster's name as Envoy has it.
    pub cluster: &'a str,
    /// The full name of the service.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
    /// The value of `authorization`; empty when there is none.
    pub authorization: &'a str,
    /// The encoded request.
    pub message: &'a [u8],
    /// How long to wait for the answer.
    pub timeout_ms: u32,
}

/// A POST to a cluster of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpCall<'a> {
    /// The cluster's name as Envoy has it.
    pub cluster: &'a str,
    /// The host to name.
    pub authority: &'a str,
    /// The path.
    pub path: &'a str,
    /// The type of the body.
    pub content_type: &'a str,
    /// The value of `authorization`; empty when there is none.
    pub authorization: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// How long to wait for the answer.
    pub timeout_ms: u32,
}
