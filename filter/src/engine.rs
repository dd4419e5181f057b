//! What all requests of one configuration share: identity, batch, queue, counters and randomness.

use std::cell::RefCell;
use std::rc::Rc;

use throughline_model::id::{SpanId, TraceId};
use throughline_model::mesh::ProxyKind;
use throughline_model::otlp;

use crate::batch::{ClosedBatch, Collecting, Losses};
use crate::config::{self, Config};
use crate::export::{Outbox, Outcome, Verdict};
use crate::host::{CallKind, CallToken, HeaderMap, Host, LogLevel};
use crate::identity;
use crate::random::RandomPool;
use crate::role::{Place, Roles};
use crate::sampling::Sampler;
use crate::stats::{Counter, Stats};
use crate::worker::Worker;

/// How often the timer looks after batches.
const TICK_MS: u32 = 250;
/// Longest answer that is looked into.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The state behind one root context.
#[derive(Debug)]
pub struct Engine {
    /// The configuration in force.
    pub config: Config,
    /// What this proxy is in the mesh.
    pub kind: ProxyKind,
    /// The service this proxy stands for.
    pub service: String,
    /// Finds out where it handles a request.
    roles: Roles,
    /// The counters.
    pub stats: Stats,
    /// Where ids come from.
    pub random: RandomPool,
    /// Decides which traces are recorded that begin here.
    pub sampler: Sampler,
    /// What is in flight, shared with the other plugins of this worker.
    worker: Rc<RefCell<Worker>>,
    /// The batch being filled.
    pub collecting: Collecting,
    outbox: Outbox,
    /// What the wall clock is ahead of the monotonic one.
    ahead_ns: u64,
    is_finishing: bool,
}

impl Engine {
    /// Reads configuration and identity from the host. Never fails: what is wrong is logged, counted and left at
    /// its default, because a proxy without tracing is better than no proxy.
    pub fn start(host: &mut impl Host) -> Self {
        let resolved = config::resolve(&host.plugin_configuration());
        let stats = Stats::register(host);
        let node = identity::read_node(host);
        let (resource, environment_fault) = identity::read_resource(host, &node);
        let faults = || resolved.faults.iter().chain(&environment_fault);
        for fault in faults() {
            host.log(LogLevel::Warn, &format!("throughline: configuration: {fault} (the default is used)"));
        }
        stats.add(host, Counter::ConfigErrors, faults().count());
        let config = resolved.config;
        host.tick_every_ms(TICK_MS);
        let kind = ProxyKind::from_node_id(&node.id);
        let worker = host.worker();
        // Behind a gateway there is no workload whose calls would have to be linked.
        let is_beside_workload = !matches!(kind, ProxyKind::Gateway | ProxyKind::Waypoint);
        if let Some(mut worker) = worker.try_borrow_mut().ok().filter(|_| is_beside_workload) {
            worker.join(host);
        }
        Self {
            kind,
            roles: Roles::new(kind, config.role),
            worker,
            service: resource.service_name().to_owned(),
            stats,
            random: RandomPool::new(),
            sampler: Sampler::new(&config.sampling, resource.service_name()),
            collecting: Collecting::new(config.batch, resource),
            outbox: Outbox::new(config.batch.max_buffer_bytes),
            ahead_ns: clocks_apart(host),
            is_finishing: false,
            config,
        }
    }

    /// A time of the monotonic clock on the wall clock, in nanoseconds since 1970-01-01 UTC: how far apart they are is
    /// looked up with each turn of the timer, which saves a request a call to the host.
    pub fn to_unix_ns(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_add(self.ahead_ns)
    }

    /// A new trace id.
    pub fn new_trace_id(&mut self, host: &mut impl Host) -> TraceId {
        self.random.trace_id(host)
    }

    /// A new span id.
    pub fn new_span_id(&mut self, host: &mut impl Host) -> SpanId {
        self.random.span_id(host)
    }

    /// Runs a step with what this worker knows of the requests in flight. No step runs inside another one; should
    /// that ever change, it is left out rather than the request harmed.
    pub fn with_worker<T>(&self, step: impl FnOnce(&mut Worker, &Config) -> T) -> Option<T> {
        let mut worker = self.worker.try_borrow_mut().ok()?;
        Some(step(&mut worker, &self.config))
    }

    /// Where this proxy handles a request whose headers have come.
    pub fn find_place(&mut self, host: &mut impl Host) -> Place {
        let place = self.roles.find(host);
        if place.is_contradicted {
            self.stats.add(host, Counter::ConfigErrors, 1);
            let found = place.role.as_str();
            host.log(
                LogLevel::Warn,
                &format!(
                    "throughline: configuration: role does not fit: this plugin handles {found} requests too; \
                     right is `auto`, or a plugin of its own for each role (`auto` is used)"
                ),
            );
        }
        place
    }

    /// Counts something about a request; the host is told with the next turn of the timer.
    pub fn count(&self, counter: Counter) {
        self.stats.note(counter, 1);
    }

    /// Called after spans were written: a full batch is sent at once, since under load more than the buffer holds
    /// would come before the next turn of the timer. After that the host answers for the root context, so it is
    /// the last that is done for a request.
    pub fn spans_written(&mut self, host: &mut impl Host, spans: usize, now_ns: u64) {
        self.stats.note(Counter::Spans, spans);
        if let Some(batch) = self.collecting.take_due(now_ns) {
            self.queue(host, batch);
            self.send(host, now_ns);
        }
    }

    fn queue(&mut self, host: &mut impl Host, batch: ClosedBatch) {
        let dropped = self.outbox.push(batch, self.collecting.byte_count());
        if dropped > 0 {
            self.stats.add(host, Counter::DroppedBufferFull, dropped);
        }
    }

    /// The timer: closes a batch that has waited long enough and sends what may be sent.
    pub fn on_tick(&mut self, host: &mut impl Host) {
        let now_ns = host.monotonic_ns();
        self.ahead_ns = clocks_apart(host);
        if let Some(batch) = self.collecting.take_due(now_ns) {
            self.queue(host, batch);
        }
        if let Some(losses) = self.outbox.take_losses() {
            self.report(host, losses);
        }
        self.send(host, now_ns);
        self.tell_stats(host);
        self.with_worker(|worker, _| worker.on_tick(host));
    }

    fn report(&mut self, host: &mut impl Host, losses: Losses) {
        let ids = (self.new_trace_id(host), self.new_span_id(host));
        let report = self.collecting.report(losses, ids, self.ahead_ns);
        self.queue(host, report);
    }

    fn tell_stats(&mut self, host: &mut impl Host) {
        self.stats.tell(host);
        let buffer_bytes = self.outbox.byte_count().saturating_add(self.collecting.byte_count());
        self.stats.tell_buffer_bytes(host, buffer_bytes);
    }

    /// The configuration or the process ends: everything is sent at once, and what fails is not tried again, so that
    /// no dead context stays behind. What was lost before is told with it. Whether nothing is under way any more.
    pub fn on_done(&mut self, host: &mut impl Host) -> bool {
        self.is_finishing = true;
        let now_ns = host.monotonic_ns();
        if let Some(batch) = self.collecting.take(now_ns) {
            self.queue(host, batch);
        }
        if let Some(losses) = self.outbox.take_last_losses() {
            self.report(host, losses);
        }
        self.send(host, now_ns);
        if !self.outbox.is_sending() {
            self.give_up_waiting(host);
        }
        self.tell_stats(host);
        self.outbox.is_empty()
    }

    /// Whether the context may go: it is to end, and nothing is under way any more.
    pub fn is_finished(&self) -> bool {
        self.is_finishing && self.outbox.is_empty()
    }

    fn give_up_waiting(&mut self, host: &mut impl Host) {
        let lost = self.outbox.discard_waiting();
        self.stats.add(host, Counter::DroppedShutdown, lost);
    }

    fn send(&mut self, host: &mut impl Host, now_ns: u64) {
        while let Some(batch) = self.outbox.next_to_send(now_ns) {
            match self.config.collector.call(host, &batch.message) {
                Ok(token) => self.outbox.sent(token, batch),
                Err(_) => {
                    self.stats.add(host, Counter::ExportsFailed, 1);
                    self.outbox.not_sent(batch, now_ns, host.monotonic_ns());
                }
            }
        }
    }

    /// A call over gRPC ended; with status 0 its answer is `answer_bytes` long.
    pub fn on_grpc_answer(
        &mut self,
        host: &mut impl Host,
        token: CallToken,
        status: u32,
        answer_bytes: usize,
    ) {
        let answer = Answer { kind: CallKind::Grpc, status, verdict: Verdict::of_grpc(status), answer_bytes };
        self.on_answer(host, token, answer);
    }

    /// A call over HTTP ended with a body of so many bytes; the proxy itself answers for a collector that does not.
    pub fn on_http_answer(&mut self, host: &mut impl Host, token: CallToken, answer_bytes: usize) {
        let headers = host.headers(HeaderMap::CallResponse);
        let status = headers.find_text(":status").and_then(|text| text.parse().ok());
        let verdict = Verdict::of_http(status);
        let status = status.unwrap_or_default();
        self.on_answer(host, token, Answer { kind: CallKind::Http, status, verdict, answer_bytes });
    }

    fn on_answer(&mut self, host: &mut impl Host, token: CallToken, answer: Answer) {
        let now_ns = host.monotonic_ns();
        // The low digits of a clock in nanoseconds are random enough to spread retries.
        match self.outbox.ended(token, answer.verdict, now_ns, now_ns) {
            Outcome::Taken => {
                self.stats.add(host, Counter::ExportsOk, 1);
                let bytes = host.call_answer(answer.kind, answer.answer_bytes.min(MAX_ANSWER_BYTES));
                let refused = otlp::decode_rejected_spans(&bytes);
                if refused > 0 {
                    self.stats.add(host, Counter::DroppedByCollector, refused);
                }
            }
            Outcome::WillRetry => self.stats.add(host, Counter::ExportsFailed, 1),
            Outcome::Lost(spans) => {
                self.stats.add(host, Counter::ExportsFailed, 1);
                self.stats.add(host, Counter::DroppedRefused, spans);
                let protocol = if answer.kind == CallKind::Grpc { "gRPC" } else { "HTTP" };
                host.log(
                    LogLevel::Warn,
                    &format!(
                        "throughline: the collector refused {spans} spans with {protocol} status {}",
                        answer.status
                    ),
                );
            }
            Outcome::Unknown => {}
        }
        self.send(host, now_ns);
        if self.is_finishing {
            if !self.outbox.is_sending() {
                self.give_up_waiting(host);
            }
            self.tell_stats(host);
        }
    }
}

fn clocks_apart(host: &mut impl Host) -> u64 {
    let monotonic_ns = host.monotonic_ns();
    host.wall_clock_ns().saturating_sub(monotonic_ns)
}

/// How a call to the collector ended.
#[derive(Clone, Copy, Debug)]
struct Answer {
    kind: CallKind,
    status: u32,
    verdict: Verdict,
    answer_bytes: usize,
}

#[cfg(test)]
mod tests;
