//! A proxy for tests: it keeps what it is told, and answers what the test has laid down.

use std::collections::HashMap;

use throughline_model::otlp;
use throughline_model::span::Span;

use super::*;

#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) request: Vec<(String, Vec<u8>)>,
    pub(crate) response: Vec<(String, Vec<u8>)>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    pub(crate) properties: HashMap<String, Vec<u8>>,
    /// How often it was asked for one.
    pub(crate) properties_asked: usize,
    pub(crate) configuration: Vec<u8>,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) now_ns: u64,
    /// What the wall clock is ahead of the other one.
    pub(crate) wall_ahead_ns: u64,
    pub(crate) log: Vec<String>,
    pub(crate) counters: Vec<(String, i64)>,
    pub(crate) shared: HashMap<String, SharedValue>,
    /// The worker that runs at the moment; a test with several puts one in place of the other.
    pub(crate) worker: Rc<RefCell<Worker>>,
    /// How many further conditional writes lose against another worker.
    pub(crate) lost_races: usize,
    pub(crate) calls: Vec<Vec<u8>>,
    /// For each call: how it was made, to which cluster and path or method, with which `authorization`.
    pub(crate) call_places: Vec<(CallKind, String, String, String)>,
    /// The headers of the answer being reported.
    pub(crate) call_response: Vec<(String, Vec<u8>)>,
    pub(crate) refuses_calls: bool,
    pub(crate) has_no_randomness: bool,
    pub(crate) answer: Vec<u8>,
    pub(crate) finished: bool,
    pub(crate) random: u64,
}

impl FakeHost {
    /// A sidecar of this service, its next request coming in on this listener (1 inbound, 2 outbound).
    pub(crate) fn sidecar(service: &str) -> Self {
        let mut host = Self { now_ns: 1_000_000_000_000, ..Self::default() };
        host.set_property("xds.node.id", format!("sidecar~10.0.0.1~{service}-1.shop~shop.svc.cluster.local"));
        host.set_property("xds.node.metadata.LABELS.service.istio.io/canonical-name", service);
        host
    }

    pub(crate) fn gateway() -> Self {
        let mut host = Self::sidecar("gateway");
        host.set_property("xds.node.id", "router~10.0.0.1~gateway-1.shop~shop.svc.cluster.local");
        host
    }

    pub(crate) fn set_property(&mut self, path: &str, value: impl Into<Vec<u8>>) {
        self.properties.insert(path.to_owned(), value.into());
    }

    /// Lays down a request with these headers besides the usual ones.
    pub(crate) fn receive(&mut self, direction: i64, headers: &[(&str, &[u8])]) {
        self.set_property("xds.listener_direction", direction.to_le_bytes());
        let is_call =
            direction == 2 || self.properties.get("xds.node.id").is_none_or(|id| id.starts_with(b"router"));
        self.set_property("xds.cluster_name", if is_call { "outbound|8080||cart" } else { "inbound|8080||" });
        let usual: [(&str, &[u8]); 4] = [
            (":method", b"GET"),
            (":path", b"/cart?user=7"),
            (":authority", b"cart:8080"),
            (":scheme", b"http"),
        ];
        let all = usual.iter().chain(headers);
        self.request = all.map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        self.response = vec![
            (":status".to_owned(), b"200".to_vec()),
            ("x-envoy-upstream-service-time".to_owned(), b"3".to_vec()),
        ];
        self.trailers = Vec::new();
    }

    fn pairs(&mut self, map: HeaderMap) -> &mut Vec<(String, Vec<u8>)> {
        match map {
            HeaderMap::Request => &mut self.request,
            HeaderMap::Response => &mut self.response,
            HeaderMap::CallResponse => &mut self.call_response,
            HeaderMap::ResponseTrailers => &mut self.trailers,
        }
    }

    pub(crate) fn sent_on(&self, name: &str) -> Vec<String> {
        let values = self.request.iter().filter(|(candidate, _)| candidate == name);
        values.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
    }

    pub(crate) fn counter(&self, name: &str) -> i64 {
        self.counters.iter().filter(|(candidate, _)| candidate == name).map(|(_, amount)| amount).sum()
    }

    /// The spans of all calls made so far.
    pub(crate) fn exported(&self) -> Vec<Span> {
        self.calls.iter().flat_map(|message| otlp::decode_export_request(message).unwrap().spans).collect()
    }
}

impl Host for FakeHost {
    fn headers(&mut self, map: HeaderMap) -> Headers {
        let pairs = self.pairs(map);
        Headers::from_pairs(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())))
    }

    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>> {
        self.headers(map).all(name).next().map(<[u8]>::to_vec)
    }

    fn set_header(&mut self, map: HeaderMap, name: &str, value: &str) {
        self.remove_header(map, name);
        self.pairs(map).push((name.to_owned(), value.as_bytes().to_vec()));
    }

    fn add_header(&mut self, map: HeaderMap, name: &str, value: &str) {
        self.pairs(map).push((name.to_owned(), value.as_bytes().to_vec()));
    }

    fn remove_header(&mut self, map: HeaderMap, name: &str) {
        self.pairs(map).retain(|(candidate, _)| candidate != name);
    }

    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        self.properties_asked += 1;
        if path == "response\0code" {
            let status = self.headers(HeaderMap::Response).find_text(":status")?.parse::<u64>().ok()?;
            return Some(status.to_le_bytes().to_vec());
        }
        let laid_down = self.properties.get(&path.replace('\0', ".")).cloned();
        // The router leaves a header on what an upstream answered.
        let is_from_upstream =
            || self.response.iter().any(|(name, _)| name == "x-envoy-upstream-service-time");
        match path {
            "upstream\0request_attempt_count" if laid_down.is_none() && is_from_upstream() => {
                Some(1_u64.to_le_bytes().to_vec())
            }
            _ => laid_down,
        }
    }

    fn plugin_configuration(&mut self) -> Vec<u8> {
        self.configuration.clone()
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn wall_clock_ns(&mut self) -> u64 {
        self.now_ns + self.wall_ahead_ns
    }

    fn monotonic_ns(&mut self) -> u64 {
        self.now_ns
    }

    fn fill_random(&mut self, room: &mut [u8]) -> Result<(), Refused> {
        if self.has_no_randomness {
            return Err(Refused);
        }
        for byte in room {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.random >> 56) as u8;
        }
        Ok(())
    }

    fn log(&mut self, _level: LogLevel, line: &str) {
        self.log.push(line.to_owned());
    }

    fn define_counter(&mut self, name: &str) -> Option<CounterId> {
        let known = self.counters.iter().position(|(candidate, _)| candidate == name);
        let index = known.unwrap_or_else(|| {
            self.counters.push((name.to_owned(), 0));
            self.counters.len() - 1
        });
        Some(CounterId(index as u32))
    }

    fn define_gauge(&mut self, name: &str) -> Option<CounterId> {
        self.define_counter(name)
    }

    fn add_to_counter(&mut self, counter: CounterId, amount: i64) {
        self.counters[counter.0 as usize].1 += amount;
    }

    fn shared_value(&mut self, key: &str) -> SharedValue {
        self.shared.get(key).cloned().unwrap_or_default()
    }

    fn set_shared_value(&mut self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        if self.lost_races > 0 {
            self.lost_races -= 1;
            return Err(Refused);
        }
        let value = self.shared.entry(key.to_owned()).or_default();
        if value.version != version {
            return Err(Refused);
        }
        *value = SharedValue { bytes: bytes.to_vec(), version: version + 1 };
        Ok(())
    }

    fn put_shared_value(&mut self, key: &str, bytes: &[u8]) {
        let value = self.shared.entry(key.to_owned()).or_default();
        *value = SharedValue { bytes: bytes.to_vec(), version: value.version + 1 };
    }

    fn worker(&mut self) -> Rc<RefCell<Worker>> {
        Rc::clone(&self.worker)
    }

    fn tick_every_ms(&mut self, _period_ms: u32) {}

    fn call_grpc(&mut self, call: &GrpcCall<'_>) -> Result<CallToken, Refused> {
        if self.refuses_calls {
            return Err(Refused);
        }
        self.calls.push(call.message.to_vec());
        let (cluster, place) = (call.cluster.to_owned(), format!("{}/{}", call.service, call.method));
        self.call_places.push((CallKind::Grpc, cluster, place, call.authorization.to_owned()));
        Ok(CallToken(self.calls.len() as u32))
    }

    fn call_http(&mut self, call: &HttpCall<'_>) -> Result<CallToken, Refused> {
        if self.refuses_calls {
            return Err(Refused);
        }
        self.calls.push(call.body.to_vec());
        let (cluster, place) = (call.cluster.to_owned(), format!("{}{}", call.authority, call.path));
        self.call_places.push((CallKind::Http, cluster, place, call.authorization.to_owned()));
        Ok(CallToken(self.calls.len() as u32))
    }

    fn call_answer(&mut self, _kind: CallKind, byte_count: usize) -> Vec<u8> {
        self.answer.iter().copied().take(byte_count).collect()
    }

    fn finish(&mut self) {
        self.finished = true;
    }
}
