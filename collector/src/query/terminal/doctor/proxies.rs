//! What is wrong with a proxy, from two readings some seconds apart, and with proxies beside each other.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::proxy::{Filter, Proxy};

/// Requests that must have come while watching before their number says anything.
const ENOUGH_REQUESTS: u64 = 5;

/// Everything that is wrong with one proxy.
pub(super) fn examine(before: &Proxy, after: &Proxy) -> Vec<Finding> {
    let place = after.name.as_str();
    if after.is_stubbed {
        return vec![Finding::error(
            "module-not-fetched",
            place,
            "the proxy got a stand-in that allows all in the place of the filter: the module could not be fetched, and \
             traffic passes untraced",
            "look at the istio-proxy log for `wasm`, then at the registry, the image's name and the pull secret of the plugin",
        )];
    }
    if !after.managers.iter().any(|manager| manager.has_filter) {
        return vec![Finding::error(
            "no-filter",
            place,
            "no listener has the filter",
            "look whether the plugin's selector matches the pod, and whether the plugin is in the root namespace or in the pod's",
        )];
    }
    let mut findings: Vec<Finding> =
        after.filters.first().map(|filter| of_filter(place, filter, after)).unwrap_or_default();
    findings.extend(not_running(before, after));
    findings.extend(counted(before, after));
    findings.extend(native_tracing(after));
    findings.extend(one_sided(after));
    findings
}

/// What its configuration says that is wrong, whatever happened so far.
fn of_filter(place: &str, filter: &Filter, proxy: &Proxy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !filter.is_fail_open {
        findings.push(Finding::error(
            "fails-closed",
            place,
            "should the module fail, requests fail with it",
            "set failStrategy: FAIL_OPEN (Istio) or fail_open: true (Envoy)",
        ));
    }
    if !filter.is_enabled() {
        findings.push(Finding::note(
            "switched-off",
            place,
            "`enabled` is false: nothing is traced here",
            "set it to true",
        ));
        return findings;
    }
    let cluster = filter.cluster();
    match proxy.clusters.get(cluster) {
        None => findings.push(no_cluster(place, cluster, proxy)),
        Some(false) if filter.speaks_grpc() => findings.push(Finding::error(
            "wrong-port-name",
            place,
            format!("the cluster `{cluster}` does not speak HTTP/2, so no gRPC export gets through"),
            "name the port of the collector's Service grpc-otlp or give it appProtocol: grpc; or set collector.protocol to http",
        )),
        Some(_) => {}
    }
    findings
}

fn no_cluster(place: &str, cluster: &str, proxy: &Proxy) -> Finding {
    let nearest = proxy.clusters.keys().max_by(|left, right| {
        strsim::jaro_winkler(cluster, left).total_cmp(&strsim::jaro_winkler(cluster, right))
    });
    let hint = nearest.map_or(String::new(), |nearest| format!("; the nearest name is `{nearest}`"));
    Finding::error(
        "no-collector-cluster",
        place,
        format!("the proxy has no cluster `{cluster}` to send spans to{hint}"),
        "correct collector.cluster; in Istio it is outbound|4317||SERVICE.NAMESPACE.svc.cluster.local, and a Sidecar \
         resource has to let that host through",
    )
}

/// Requests that pass without the filter counting them: its machine is dead, or never started.
fn not_running(before: &Proxy, after: &Proxy) -> Option<Finding> {
    let remedy =
        "look for `wasm` in the proxy's log; a new version of the plugin or a restart loads the module anew";
    if !after.has_counters() {
        let what = "the filter is configured and has no statistics: the module did not start, and requests pass untraced";
        return Some(Finding::error("filter-not-running", &after.name, what, remedy));
    }
    let enabled = after.filters.first().is_some_and(Filter::is_enabled);
    let requests = requests(after).saturating_sub(requests(before));
    let seen = seen(after).saturating_sub(seen(before));
    if !enabled || requests < ENOUGH_REQUESTS || seen * 10 >= requests * 9 {
        return None;
    }
    let what = format!(
        "{requests} requests passed while watching and the filter saw {seen}: its virtual machine is dead{}, and has \
         fallen open",
        if seen > 0 { " in some workers" } else { "" }
    );
    Some(Finding::error("filter-not-running", &after.name, what, remedy))
}

/// Requests that came to the listeners that have the filter.
fn requests(proxy: &Proxy) -> u64 {
    let prefixes: BTreeSet<&str> =
        proxy.managers.iter().filter(|one| one.has_filter).map(|one| one.stat_prefix.as_str()).collect();
    let name = |prefix: &str, end: &str| format!("http.{prefix}{end}.downstream_rq_completed");
    let of = |prefix: &str| ["", ";"].iter().find_map(|end| proxy.stats.get(&name(prefix, end))).copied();
    prefixes.into_iter().filter_map(of).sum()
}

/// Requests that the filter has decided on.
fn seen(proxy: &Proxy) -> u64 {
    ["requests_sampled_", "requests_unsampled", "requests_of_telemetry"]
        .iter()
        .map(|name| proxy.counted(name))
        .sum()
}

/// What the filter itself has counted as going wrong.
fn counted(before: &Proxy, after: &Proxy) -> Vec<Finding> {
    let place = after.name.as_str();
    let mut findings = Vec::new();
    if after.counted("config_errors") > 0 {
        findings.push(Finding::warning(
            "config-errors",
            place,
            "the filter was given settings that it does not know, and uses the default in their place",
            "look for `throughline` in the proxy's log: it names the key and the nearest valid one",
        ));
    }
    let dropped = [
        (
            "buffer_full",
            "its buffer was full",
            "look whether the collector can be reached, or raise batch.max_buffer_bytes",
        ),
        (
            "refused",
            "the collector refused them",
            "look at throughline_requests_refused_total of the collector, and at collector.token",
        ),
        (
            "by_collector",
            "the collector had no use for them",
            "look at throughline_spans_rejected_total of the collector",
        ),
        (
            "shutdown",
            "the configuration or the process ended first",
            "a few at each change are normal; many mean that batches wait too long",
        ),
    ];
    for (reason, words, remedy) in dropped {
        let number = after.counted(&format!("spans_dropped_{reason}"));
        if number > 0 {
            findings.push(Finding::warning(
                "spans-dropped",
                place,
                format!("{number} spans were dropped because {words}"),
                remedy,
            ));
        }
    }
    let failed = after.counted("exports_failed");
    let moved = |name: &str| after.counted(name).saturating_sub(before.counted(name));
    if failed > 0 && (after.counted("exports_ok") == 0 || moved("exports_failed") > moved("exports_ok")) {
        findings.push(Finding::error(
            "exports-fail",
            place,
            format!("{failed} batches did not arrive at the collector"),
            "look whether the collector runs and is ready, and whether a NetworkPolicy lets the proxy reach its OTLP port",
        ));
    }
    findings
}

fn native_tracing(proxy: &Proxy) -> Option<Finding> {
    let both = proxy.managers.iter().find(|manager| manager.has_filter && manager.has_tracing)?;
    Some(Finding::warning(
        "native-tracing",
        &proxy.name,
        format!(
            "Envoy's own tracing is on for the listener `{}`: it overwrites the trace context that the filter wrote",
            both.listener
        ),
        "turn it off (Telemetry disableSpanReporting does not suffice), or set disableContextPropagation (Istio 1.30 and newer)",
    ))
}

/// A sidecar that traces one direction ties nothing to its cause.
fn one_sided(proxy: &Proxy) -> Option<Finding> {
    let traced = |direction: &str| {
        let mut managers = proxy.managers.iter().filter(|manager| manager.direction == direction);
        managers.clone().count() == 0 || managers.any(|manager| manager.has_filter)
    };
    let missing = ["INBOUND", "OUTBOUND"].into_iter().find(|direction| !traced(direction))?;
    proxy.is_sidecar.then(|| {
        Finding::warning(
            "one-direction",
            &proxy.name,
            format!(
                "no {} listener has the filter, so calls are not tied to what caused them",
                missing.to_lowercase()
            ),
            "let the plugin match CLIENT_AND_SERVER, and no single ports",
        )
    })
}

/// What differs between proxies that should be alike.
pub(super) fn compare(proxies: &[Proxy]) -> Vec<Finding> {
    let modules: BTreeSet<&str> =
        proxies.iter().flat_map(|proxy| &proxy.filters).map(|filter| filter.module.as_str()).collect();
    if modules.len() < 2 {
        return Vec::new();
    }
    let list: Vec<&str> = modules.into_iter().collect();
    vec![Finding::warning(
        "version-mismatch",
        "all proxies",
        format!("proxies run {} different modules: {}", list.len(), list.join(", ")),
        "wait for the rollout to end; then look at proxies whose configuration is stale (istioctl proxy-status)",
    )]
}
