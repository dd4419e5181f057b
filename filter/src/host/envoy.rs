//! Envoy, by the proxy-wasm ABI 0.2.1. Statuses are compared as numbers and bytes are never assumed to be text,
//! because the safe wrappers of the SDK panic on a status they do not know and on a header that is not UTF-8.
#![allow(unsafe_code, reason = "calls across the boundary of the virtual machine are unsafe by nature")]

use std::cell::RefCell;
use std::ptr::null_mut;
use std::rc::Rc;

use proxy_wasm::types::{BufferType, MapType, MetricType};

use super::{
    CallKind, CallToken, CounterId, GrpcCall, HeaderMap, Host, HttpCall, LogLevel, Refused, SharedValue,
};
use crate::headers::Headers;
use crate::worker::Worker;

/// `proxy_status_t`: the call did what was asked.
const OK: u32 = 0;
/// `clockid_t` of WASI preview 1: the clock that never goes back.
const MONOTONIC: u32 = 1;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision_ns: u64, time: *mut u64) -> u16;
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, text_size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period_ms: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        bytes: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, bytes: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        bytes: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, bytes: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        bytes: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        bytes: *const u8,
        size: usize,
        version: u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, amount: i64) -> u32;
    fn proxy_set_effective_context(context_id: u32) -> u32;
    fn proxy_grpc_call(
        cluster: *const u8,
        cluster_size: usize,
        service: *const u8,
        service_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout_ms: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout_ms: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_done() -> u32;
}

/// The proxy this module runs in, as one of its root contexts sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envoy {
    root_id: u32,
}

impl Envoy {
    /// For a root context and its streams.
    pub(super) fn of(root_id: u32) -> Self {
        Self { root_id }
    }
}

thread_local! {
    /// All plugins of a worker run in one virtual machine on one thread.
    static WORKER: Rc<RefCell<Worker>> = Rc::default();
}

/// Makes a call that hands over bytes in memory which the host had the module allocate.
fn bytes_from(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut bytes: *mut u8 = null_mut();
    let mut size = 0usize;
    if call(&mut bytes, &mut size) != OK {
        return None;
    }
    if bytes.is_null() || size == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the host wrote `size` bytes into a block that it got from `proxy_on_memory_allocate`, whose length
    // and capacity are just that, and handed it over for good.
    Some(unsafe { Vec::from_raw_parts(bytes, size, size) })
}

fn map_number(map: HeaderMap) -> u32 {
    match map {
        HeaderMap::Request => MapType::HttpRequestHeaders as u32,
        HeaderMap::Response => MapType::HttpResponseHeaders as u32,
        HeaderMap::CallResponse => MapType::HttpCallResponseHeaders as u32,
        HeaderMap::ResponseTrailers => MapType::HttpResponseTrailers as u32,
    }
}

fn buffer(kind: BufferType, most: usize) -> Vec<u8> {
    // SAFETY: both out-pointers are valid for the call.
    bytes_from(|bytes, size| unsafe { proxy_get_buffer_bytes(kind as u32, 0, most, bytes, size) })
        .unwrap_or_default()
}

// SAFETY (all calls below): pointers and lengths are those of live slices, and out-pointers are valid for the call.
impl Host for Envoy {
    fn headers(&mut self, map: HeaderMap) -> Headers {
        let pairs =
            bytes_from(|bytes, size| unsafe { proxy_get_header_map_pairs(map_number(map), bytes, size) });
        Headers::from_serialized(pairs.unwrap_or_default())
    }

    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>> {
        let map = map_number(map);
        bytes_from(|bytes, size| unsafe {
            proxy_get_header_map_value(map, name.as_ptr(), name.len(), bytes, size)
        })
    }

    fn set_header(&mut self, map: HeaderMap, name: &str, value: &str) {
        let map = map_number(map);
        // A header that cannot be set leaves the request as it came, which harms nobody.
        let _ = unsafe {
            proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        };
    }

    fn add_header(&mut self, map: HeaderMap, name: &str, value: &str) {
        let map = map_number(map);
        let _ = unsafe {
            proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        };
    }

    fn remove_header(&mut self, map: HeaderMap, name: &str) {
        let map = map_number(map);
        let _ = unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) };
    }

    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        bytes_from(|bytes, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), bytes, size) })
    }

    fn plugin_configuration(&mut self) -> Vec<u8> {
        buffer(BufferType::PluginConfiguration, 1024 * 1024)
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn wall_clock_ns(&mut self) -> u64 {
        let mut time = 0u64;
        let _ = unsafe { proxy_get_current_time_nanoseconds(&mut time) };
        time
    }

    fn monotonic_ns(&mut self) -> u64 {
        let mut time = 0u64;
        let _ = unsafe { clock_time_get(MONOTONIC, 1, &mut time) };
        time
    }

    fn fill_random(&mut self, room: &mut [u8]) -> Result<(), Refused> {
        getrandom::fill(room).map_err(|_| Refused)
    }

    fn log(&mut self, level: LogLevel, line: &str) {
        let level = match level {
            LogLevel::Info => proxy_wasm::types::LogLevel::Info,
            LogLevel::Warn => proxy_wasm::types::LogLevel::Warn,
        };
        let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
    }

    fn define_counter(&mut self, name: &str) -> Option<CounterId> {
        define_metric(MetricType::Counter, name)
    }

    fn define_gauge(&mut self, name: &str) -> Option<CounterId> {
        define_metric(MetricType::Gauge, name)
    }

    fn add_to_counter(&mut self, counter: CounterId, amount: i64) {
        let _ = unsafe { proxy_increment_metric(counter.0, amount) };
    }

    fn shared_value(&mut self, key: &str) -> SharedValue {
        let mut version = 0u32;
        let bytes = bytes_from(|bytes, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), bytes, size, &mut version)
        });
        bytes.map(|bytes| SharedValue { bytes, version }).unwrap_or_default()
    }

    fn set_shared_value(&mut self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        // The host takes version 0 for "whatever is there". A version that it never gives out is ignored for a key
        // that does not exist yet, and refused when another worker was faster.
        let version = if version == 0 { u32::MAX } else { version };
        let status =
            unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), bytes.as_ptr(), bytes.len(), version) };
        if status == OK { Ok(()) } else { Err(Refused) }
    }

    fn put_shared_value(&mut self, key: &str, bytes: &[u8]) {
        // Version 0 stands for whatever is there.
        let _ = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), bytes.as_ptr(), bytes.len(), 0) };
    }

    fn worker(&mut self) -> Rc<RefCell<Worker>> {
        WORKER.with(Rc::clone)
    }

    fn tick_every_ms(&mut self, period_ms: u32) {
        let _ = unsafe { proxy_set_tick_period_milliseconds(period_ms) };
    }

    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<CallToken, Refused> {
        let cluster = grpc_service(call.cluster).ok_or(Refused)?;
        let metadata = match call.authorization {
            "" => serialize(&[]),
            value => serialize(&[("authorization", value)]),
        };
        let mut token = 0u32;
        let status = unsafe {
            // The answer comes to the context that made the call, and a stream's would be gone by then.
            proxy_set_effective_context(self.root_id);
            proxy_grpc_call(
                cluster.as_ptr(),
                cluster.len(),
                call.service.as_ptr(),
                call.service.len(),
                call.method.as_ptr(),
                call.method.len(),
                metadata.as_ptr(),
                metadata.len(),
                call.message.as_ptr(),
                call.message.len(),
                call.timeout_ms,
                &mut token,
            )
        };
        if status == OK { Ok(CallToken(token)) } else { Err(Refused) }
    }

    fn call_http(&mut self, call: &HttpCall<'_>) -> Result<CallToken, Refused> {
        let mut headers = vec![
            (":method", "POST"),
            (":path", call.path),
            (":authority", call.authority),
            ("content-type", call.content_type),
        ];
        if !call.authorization.is_empty() {
            headers.push(("authorization", call.authorization));
        }
        let (headers, trailers) = (serialize(&headers), serialize(&[]));
        let mut token = 0u32;
        let status = unsafe {
            proxy_set_effective_context(self.root_id);
            proxy_http_call(
                call.cluster.as_ptr(),
                call.cluster.len(),
                headers.as_ptr(),
                headers.len(),
                call.body.as_ptr(),
                call.body.len(),
                trailers.as_ptr(),
                trailers.len(),
                call.timeout_ms,
                &mut token,
            )
        };
        if status == OK { Ok(CallToken(token)) } else { Err(Refused) }
    }

    fn call_answer(&mut self, kind: CallKind, byte_count: usize) -> Vec<u8> {
        match kind {
            _ if byte_count == 0 => Vec::new(),
            CallKind::Grpc => buffer(BufferType::GrpcReceiveBuffer, byte_count),
            CallKind::Http => buffer(BufferType::HttpCallResponseBody, byte_count),
        }
    }

    fn finish(&mut self) {
        let _ = unsafe { proxy_done() };
    }
}

fn define_metric(kind: MetricType, name: &str) -> Option<CounterId> {
    let mut id = 0u32;
    // SAFETY: the name is that of a live text, and the out-pointer is valid for the call.
    let status = unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) };
    (status == OK).then_some(CounterId(id))
}

/// Pairs as the ABI wants them: their number, the lengths of each, then each text with a zero byte behind it.
fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// An encoded `envoy.config.core.v3.GrpcService` that names a cluster. A bare name must never be sent: Envoy takes
/// the text for an encoded message, and one that happens to parse without a target ends the process.
fn grpc_service(cluster: &str) -> Option<String> {
    let inner = u8::try_from(cluster.len()).ok().filter(|length| (1..=120).contains(length))?;
    let mut message = String::with_capacity(cluster.len() + 4);
    message.push('\x0a');
    message.push(char::from(inner + 2));
    message.push('\x0a');
    message.push(char::from(inner));
    message.push_str(cluster);
    Some(message)
}
