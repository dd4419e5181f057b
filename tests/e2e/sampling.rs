//! A mesh that records one trace in a hundred, where services fail: whatever failed is there all the same, with all that
//! led to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::collector::api::{Lifecycle, Span};
use harness::load::Visitor;
use harness::mesh::Mesh;
use harness::topology::{Protocol, Topology};
use harness::truth::{CALL_HEADER, Truth};
use harness::wait;
use serde_json::json;

const REQUESTS: usize = 2_000;
const SIDE_BY_SIDE: usize = 16;
const RATE: f64 = 0.01;
/// Requests to `/` go on when the cart fails, so that their answers are successes with a failure inside.
const PATHS: [&str; 2] = ["/", "/checkout"];
const MARK: &str = "x-throughline-keep";
const REASON: &str = "throughline.sampled.reason";
/// Longer than the filters' batch interval.
const QUIET: Duration = Duration::from_millis(1_500);
const DEADLINE: Duration = Duration::from_secs(40);
/// gRPC codes that are a server's own failure.
const GRPC_FAILURES: [u16; 6] = [2, 4, 12, 13, 14, 15];
/// Most faults an error tells one by one.
const SHOWN_FAULTS: usize = 10;

/// Cart and payment fail one request in ten. Slow requests are kept too, and on a busy machine any may be slow.
pub(crate) fn start() -> Result<Mesh> {
    let configuration = json!({
        "sampling": {"rate": RATE, "keep_slow_ms": 0},
        "attributes": {"request_headers": [CALL_HEADER]},
        "batch": {"interval_ms": 200},
        "path_log": "off",
    });
    Mesh::start_for_test(failing_shop()?, Some(configuration))
}

fn failing_shop() -> Result<Topology> {
    let mut topology = crate::shop()?.without_failures().without_slowness();
    for name in ["cart", "payment"] {
        topology.services.get_mut(name).context("the shop has it")?.fail_rate = 0.1;
    }
    Ok(topology)
}

pub(crate) fn failures_are_kept(mesh: &mut Mesh) -> Result<()> {
    let marks = visit(&mesh.visitor())?;
    ensure!(marks == 0, "{marks} answers to clients carried the mark");
    let truth = mesh.truth()?;
    ensure!(truth.faults.is_empty(), "the run itself is broken: {:?}", truth.faults);
    let lifecycles = lifecycles(mesh)?;
    let found = Found::new(&lifecycles);
    let failed = failed_calls(&failing_shop()?, &truth)?;
    ensure!(failed.len() >= REQUESTS / 20, "only {} calls failed", failed.len());
    let mut faults = Vec::new();
    let mut kept_requests = BTreeSet::new();
    for key in &failed {
        kept_requests.insert(entry(key));
        faults.extend(found.missing_on_chain(key, &truth));
    }
    if !faults.is_empty() {
        let shown = faults.iter().take(SHOWN_FAULTS).cloned().collect::<Vec<_>>().join("\n  ");
        bail!("{} faults with {} failed calls:\n  {shown}", faults.len(), failed.len());
    }
    let others = found.check_others(&kept_requests)?;
    let others_due = (REQUESTS - kept_requests.len()) as f64 * RATE;
    // A binomial number: six standard deviations above its mean it is met once in many millions of runs.
    ensure!(
        (others as f64) < others_due + 6.0 * others_due.sqrt() + 6.0,
        "{others} requests without a failure are there, {others_due:.0} would be usual"
    );
    let descendants = mesh.stat_sum(&["throughline_requests_kept_descendant"])?;
    ensure!(descendants > 0, "no request was kept for what it caused");
    println!(
        "  {REQUESTS} requests, {} with {} failed calls: every one is a trace from the gateway on; of the others {others} \
         ({others_due:.1} due at {RATE}); no answer carried the mark",
        kept_requests.len(),
        failed.len(),
    );
    Ok(())
}

/// Gives the number of answers with the mark.
fn visit(visitor: &Visitor) -> Result<usize> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<usize> {
        let visitor = Visitor::new(visitor.gateway_port(), visitor.domain());
        let mut marks = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= REQUESTS {
                return Ok(marks);
            }
            wait::stop_if_interrupted()?;
            let key = format!("sampling-{number}");
            let answer = visitor.visit(PATHS[number % PATHS.len()], &[(CALL_HEADER, &key)])?;
            ensure!(matches!(answer.status, 200 | 502), "{key} was answered {}", answer.status);
            marks += usize::from(answer.headers.contains_key(MARK));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum()
    })
}

/// All traces, once no further spans come.
fn lifecycles(mesh: &Mesh) -> Result<Vec<Lifecycle>> {
    let api = mesh.api()?;
    wait::until_quiet("the end of the spans", QUIET, DEADLINE, || Ok(api.status()?.spans_received))?;
    let summaries = api.traces()?;
    let lifecycles = summaries.iter().map(|summary| {
        api.lifecycle(&summary.trace_id)?.with_context(|| format!("trace {} is gone", summary.trace_id))
    });
    lifecycles.collect()
}

/// The keys of the calls that their callee failed.
fn failed_calls(topology: &Topology, truth: &Truth) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for (key, call) in &truth.calls {
        let status = truth.statuses.get(key).copied().unwrap_or_default();
        let has_failed = match topology.service(&call.to)?.protocol {
            Protocol::Http => status >= 500,
            Protocol::Grpc => GRPC_FAILURES.contains(&status),
        };
        if has_failed {
            failed.push(key.clone());
        }
    }
    Ok(failed)
}

fn entry(key: &str) -> String {
    harness::truth::entry_key(key).to_owned()
}

/// The spans by the key of their call and their kind, each with its trace.
struct Found<'a> {
    spans: BTreeMap<(&'a str, &'a str), Vec<(&'a Lifecycle, &'a Span)>>,
}

impl<'a> Found<'a> {
    fn new(lifecycles: &'a [Lifecycle]) -> Self {
        let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for lifecycle in lifecycles {
            for span in &lifecycle.spans {
                let key = span.call_key().unwrap_or_default();
                spans.entry((key, span.kind.as_str())).or_default().push((lifecycle, span));
            }
        }
        Self { spans }
    }

    /// From a failed call up to the gateway, every call has to be there at both its ends, in one trace and under the
    /// one before.
    fn missing_on_chain(&self, key: &str, truth: &Truth) -> Vec<String> {
        let mut faults = Vec::new();
        let mut traces = BTreeSet::new();
        let mut at = Some(key);
        while let Some(key) = at {
            let parent = truth.calls.get(key).and_then(|call| call.parent.as_deref());
            // The gateway serves an entry request, and sends it on to the first service.
            let ends = if parent.is_none() {
                vec![("client", 1), ("server", 2)]
            } else {
                vec![("client", 1), ("server", 1)]
            };
            for (kind, count) in ends {
                let spans = self.spans.get(&(key, kind)).map(Vec::as_slice).unwrap_or_default();
                if spans.len() != count {
                    faults.push(format!("{key} has {} {kind} spans, not {count}", spans.len()));
                }
                traces.extend(spans.iter().map(|(lifecycle, _)| lifecycle.summary.trace_id.as_str()));
            }
            at = parent;
        }
        if traces.len() > 1 {
            faults.push(format!("{key} and what led to it are in {} traces", traces.len()));
        }
        faults
    }

    /// Of the requests in which nothing failed: how many are there. Each of their traces was recorded from its root
    /// on, so no span of it tells a reason, and nothing of it is missing.
    fn check_others(&self, kept_requests: &BTreeSet<String>) -> Result<usize> {
        let mut others = BTreeSet::new();
        for ((key, _), spans) in &self.spans {
            if kept_requests.contains(&entry(key)) {
                continue;
            }
            for (lifecycle, span) in spans {
                let reason = span.attributes.get(REASON);
                ensure!(
                    reason.is_none(),
                    "a span of {key} was kept for {reason:?}, and nothing failed in it"
                );
                ensure!(lifecycle.gaps.is_empty(), "the trace of {key} lacks {:?}", lifecycle.gaps);
            }
            // A call without a certain cause begins a trace of its own, which is recorded or not by itself.
            if !key.contains('/') {
                others.insert(*key);
            }
        }
        Ok(others.len())
    }
}
