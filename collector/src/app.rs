//! Starts the rooms, connects them, and stops them again.

mod files;
mod reload;

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::alert::Alerts;
use crate::config::{Config, ConfigError, ListenAddress, ServeOptions};
use crate::ingest::{self, ConnectionLimits, Ingest, serve_connections};
use crate::module::{self, Module};
use crate::query::{self, QueryState};
use crate::store::{LocalStore, Store};
use crate::telemetry::{Counters, start_log};
use files::allow_many_connections;
use reload::{Running, reload_on_hangup};

/// How long blocking work may still run at the end; what was acknowledged is on disk at any time.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the collector until it is asked to stop by SIGTERM or SIGINT.
pub fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let config = options.resolve()?;
    start_log(config.log_level);
    let open_files = allow_many_connections();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let outcome = runtime.block_on(serve(config, options, open_files));
    runtime.shutdown_timeout(STOP_TIMEOUT);
    outcome
}

async fn serve(mut config: Config, options: &ServeOptions, open_files: u64) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let module = config.module.as_deref().map(Module::read).transpose()?;
    let as_read = config.clone();
    config.ingest.connections.max_in_all = files::for_connections(open_files);
    let listeners = Listeners::bind(&config).await?;
    let counters = Arc::new(Counters::new());
    let (store, listeners) = tokio::select! {
        opened = open_store(&config, &counters, listeners) => opened?,
        _ = stop.changed() => return Ok(()),
    };
    let (alerts, watching) = Alerts::start(config.alert.clone(), store.clone()).map_err(ConfigError::from)?;
    let servers = start(&config, &counters, (store.clone(), alerts), module, listeners, &stop)?;
    let running = Running { store: store.clone(), ingest: servers.ingest, query: servers.query.clone() };
    let reload = tokio::spawn(reload_on_hangup(as_read, options.clone(), running));
    counters.set_ready();
    print_lines(&servers.addresses)?;
    // The sender lives as long as the process, so this waits for a signal.
    stop.changed().await.ok();
    tracing::info!("stopping");
    reload.abort();
    counters.set_stopping();
    servers.query.end_tails();
    for task in servers.tasks {
        task.await.context("a listener has died")?;
    }
    tokio::task::spawn_blocking(move || watching.stop()).await.context("the watch has died")?;
    tokio::task::spawn_blocking(move || store.close()).await.context("the store has died")?;
    tracing::info!("stopped");
    Ok(())
}

/// Turns to true once, on the first SIGTERM or SIGINT. A second one ends the process at once.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for is_first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if is_first {
                sender.send(true).ok();
            } else {
                std::process::exit(1);
            }
        }
    });
    Ok(receiver)
}

struct Listeners {
    otlp_grpc: TcpListener,
    otlp_http: TcpListener,
    zipkin: TcpListener,
    http: TcpListener,
}

impl Listeners {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            otlp_grpc: bind(&config.otlp_grpc, "--otlp-grpc").await?,
            otlp_http: bind(&config.otlp_http, "--otlp-http").await?,
            zipkin: bind(&config.zipkin, "--zipkin").await?,
            http: bind(&config.http, "--http").await?,
        })
    }
}

async fn bind(address: &ListenAddress, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address.host.as_str(), address.port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} ({flag}) is in use by another process; stop that process, or choose another port with \
             {flag} {} (port 0 takes any free one)",
            ListenAddress { port: 0, ..address.clone() }
        ),
        _ => anyhow::anyhow!("cannot listen on {address} ({flag}): {error}; name an address of this machine"),
    })
}

/// Opens the store. Replaying a long log takes a while, in which the process says that it lives and is not ready.
async fn open_store(
    config: &Config,
    counters: &Arc<Counters>,
    listeners: Listeners,
) -> anyhow::Result<(Arc<LocalStore>, Listeners)> {
    let (opened, is_open) = tokio::sync::oneshot::channel::<()>();
    let limits = config.ingest.connections.clone();
    let waiting = tokio::spawn(serve_connections(
        listeners.http,
        query::router_of_replay(),
        limits,
        Arc::clone(counters),
        async {
            is_open.await.ok();
        },
    ));
    let (store_config, store_counters) = (config.store.clone(), Arc::clone(counters));
    let store = tokio::task::spawn_blocking(move || LocalStore::open(store_config, store_counters)).await;
    drop(opened);
    let http = waiting.await.context("the listener has died")?;
    Ok((Arc::new(store.context("the store has died")??), Listeners { http, ..listeners }))
}

struct Servers {
    addresses: Addresses,
    ingest: Ingest,
    query: QueryState,
    tasks: [tokio::task::JoinHandle<TcpListener>; 4],
}

struct Addresses {
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
    zipkin: SocketAddr,
    http: SocketAddr,
}

fn start(
    config: &Config,
    counters: &Arc<Counters>,
    (store, alerts): (Arc<LocalStore>, Alerts),
    module: Option<Module>,
    listeners: Listeners,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Servers> {
    let addresses = Addresses {
        otlp_grpc: listeners.otlp_grpc.local_addr()?,
        otlp_http: listeners.otlp_http.local_addr()?,
        zipkin: listeners.zipkin.local_addr()?,
        http: listeners.http.local_addr()?,
    };
    if let Some(module) = &module {
        tracing::info!(sha256 = module.sha256(), "serving the filter's module");
    }
    let store: Arc<dyn Store> = store;
    let ingest = Ingest::new(Arc::clone(&store), Arc::clone(counters), config.ingest.clone());
    let query = QueryState::new(store, Arc::clone(counters)).with_alerts(alerts);
    let query = query.with_otlp_http_port(addresses.otlp_http.port());
    query.set_search_limits(config.search_timeout, config.search_max_bytes);
    let receivers = &config.ingest.connections;
    let serve = |listener, router, limits: &ConnectionLimits| {
        let (mut stop, limits) = (stop.clone(), limits.clone());
        tokio::spawn(serve_connections(listener, router, limits, Arc::clone(counters), async move {
            stop.wait_for(|is_stopping| *is_stopping).await.ok();
        }))
    };
    let tasks = [
        serve(listeners.otlp_grpc, ingest::grpc_router(ingest.clone()), receivers),
        serve(
            listeners.otlp_http,
            ingest::http_router(ingest.clone()).merge(module::router(module)),
            receivers,
        ),
        serve(listeners.zipkin, ingest::zipkin_router(ingest.clone()), receivers),
        serve(listeners.http, query::router(query.clone()), &files::with_questions(receivers)),
    ];
    Ok(Servers { addresses, ingest, query, tasks })
}

/// The lines on standard output that scripts wait for.
fn print_lines(addresses: &Addresses) -> anyhow::Result<()> {
    let Addresses { otlp_grpc, otlp_http, zipkin, http } = addresses;
    let mut out = std::io::stdout().lock();
    writeln!(out, "otlp-grpc listening on {otlp_grpc}")?;
    writeln!(out, "otlp-http listening on {otlp_http}")?;
    writeln!(out, "zipkin listening on {zipkin}")?;
    writeln!(out, "http listening on http://{http}/")?;
    writeln!(out, "ready")?;
    out.flush().context("cannot write to standard output")
}

#[cfg(test)]
mod tests;
