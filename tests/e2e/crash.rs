//! The collector is killed in the middle of everything and started again on the same data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use harness::collector::Api;
use harness::http::Client;
use harness::load::Visitor;
use harness::mesh::Mesh;
use harness::truth::CALL_HEADER;
use harness::wait;
use throughline_model::id::{SpanId, TraceId};
use throughline_model::otlp::encode_export_request;
use throughline_model::span::{Span, SpanKind, StatusCode};

const REQUESTS: usize = 300;
/// The kill comes once this much has been acknowledged while traffic is still on its way.
const POSTS_BEFORE_KILL: usize = 100;
const TRACES_BEFORE_KILL: usize = 40;
const DEADLINE: Duration = Duration::from_secs(60);

/// What could be read: the ids of the spans of each trace.
type Snapshot = BTreeMap<String, BTreeSet<String>>;

/// What the posting thread and the test share.
#[derive(Default)]
struct Posts {
    acknowledged: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

pub(crate) fn kill_and_restart(mesh: &mut Mesh) -> Result<()> {
    let visitor = mesh.visitor();
    let posts = Posts::default();
    let (outcome, snapshot) = std::thread::scope(|scope| {
        let traffic = scope.spawn(|| visitor.visit_often("crash-", &["/", "/checkout"], REQUESTS, 4));
        let result = kill_in_mid_traffic(mesh, &posts);
        posts.stopped.store(true, Ordering::Relaxed);
        let outcome = traffic.join().expect("the traffic does not panic");
        result.and_then(|snapshot| Ok((outcome?, snapshot)))
    })?;
    ensure!(outcome.succeeded() == REQUESTS, "{} of {REQUESTS} requests succeeded", outcome.succeeded());
    let api = mesh.api()?;
    let lost = lost_spans(&snapshot, &api)?;
    ensure!(lost.is_empty(), "{} spans could be read before the kill and not after: {lost:?}", lost.len());
    let acknowledged = posts.acknowledged.into_inner().unwrap_or_default();
    for trace_id in &acknowledged {
        let lifecycle = api.lifecycle(trace_id)?;
        ensure!(lifecycle.is_some_and(|found| found.spans.len() == 1), "acknowledged and lost: {trace_id}");
    }
    ensure!(snapshot.len() < REQUESTS, "the traffic was over before the kill");
    check_new_trace(&visitor, &api)?;
    let spans: usize = snapshot.values().map(BTreeSet::len).sum();
    println!(
        "  all {REQUESTS} requests succeeded; {} traces with {spans} spans and {} acknowledged posts were there \
         before the kill, and all are there after it",
        snapshot.len(),
        acknowledged.len()
    );
    Ok(())
}

/// The proxies find the collector again: a new request is traced.
fn check_new_trace(visitor: &Visitor, api: &Api) -> Result<()> {
    const KEY: &str = "after-the-crash";
    ensure!(visitor.visit("/", &[(CALL_HEADER, KEY)])?.status == 200, "the request after the restart failed");
    wait::until("a trace of a request after the restart", DEADLINE, || {
        for summary in api.search("service=gateway&limit=20")? {
            let spans = api.lifecycle(&summary.trace_id)?.map(|found| found.spans).unwrap_or_default();
            if spans.iter().any(|span| span.call_key() == Some(KEY)) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
}

/// Kills the collector while batches are on their way to it; gives what could be read a moment before.
fn kill_in_mid_traffic(mesh: &mut Mesh, posts: &Posts) -> Result<Snapshot> {
    let collector = mesh.collector_mut()?;
    let (api, url) = (collector.api(), collector.otlp_http_url());
    std::thread::scope(|scope| {
        let poster = scope.spawn(|| post_until_refused(&url, posts));
        let enough = wait::until("enough spans before the kill", DEADLINE, || {
            let posted = posts.acknowledged.lock().map_or(0, |ids| ids.len());
            let traced = api.search("service=gateway&limit=1000")?.len();
            Ok((posted >= POSTS_BEFORE_KILL && traced >= TRACES_BEFORE_KILL).then_some(()))
        });
        let snapshot = enough.and_then(|()| read_all(&api));
        collector.kill();
        poster.join().expect("the poster does not panic")?;
        collector.restart()?;
        snapshot
    })
}

/// Posts one span after another until the collector is gone; remembers what it acknowledged.
fn post_until_refused(url: &str, posts: &Posts) -> Result<()> {
    let client = Client::new();
    let headers = [("content-type", "application/x-protobuf")];
    for number in 1.. {
        let span = one_span(number)?;
        let payload = encode_export_request(std::slice::from_ref(&span));
        let Ok(answer) = client.request("POST", url, &headers, &payload) else { break };
        ensure!(answer.status == 200, "a post got {}: {}", answer.status, answer.text()?);
        posts.acknowledged.lock().expect("nobody panicked").push(span.trace_id.to_hex());
        if posts.stopped.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

/// A trace of one span that nobody else sends.
fn one_span(number: u64) -> Result<Span> {
    let trace_id = TraceId::from_bytes(&(u128::from(number) | 0x7e57 << 112).to_be_bytes());
    let now_unix_ns = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    Ok(Span {
        trace_id: trace_id.context("not zero")?,
        span_id: SpanId::from_bytes(&number.to_be_bytes()).context("not zero")?,
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "post".to_owned(),
        kind: SpanKind::Server,
        start_unix_ns: now_unix_ns,
        end_unix_ns: now_unix_ns + 1_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::default(),
    })
}

fn read_all(api: &Api) -> Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for summary in api.search("service=gateway&limit=1000")? {
        snapshot.insert(summary.trace_id.clone(), span_ids(api, &summary.trace_id)?);
    }
    Ok(snapshot)
}

fn span_ids(api: &Api, trace_id: &str) -> Result<BTreeSet<String>> {
    let lifecycle = api.lifecycle(trace_id)?;
    Ok(lifecycle
        .into_iter()
        .flat_map(|found| found.spans)
        .map(|span| format!("{} {}", span.span_id, span.kind))
        .collect())
}

fn lost_spans(snapshot: &Snapshot, api: &Api) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for (trace_id, before) in snapshot {
        let after = span_ids(api, trace_id)?;
        lost.extend(before.difference(&after).map(|span| format!("{trace_id} {span}")));
    }
    Ok(lost)
}
