//! Takes a changed configuration file at each SIGHUP, as far as that can be done while everything runs.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ServeOptions};
use crate::ingest::Ingest;
use crate::query::QueryState;
use crate::store::LocalStore;
use crate::telemetry::set_log_level;

/// What can be told of new settings.
pub(super) struct Running {
    pub(super) store: Arc<LocalStore>,
    pub(super) ingest: Ingest,
    pub(super) query: QueryState,
}

/// Reads the configuration again at each SIGHUP. What can change while the process runs does; the rest is named and waits.
pub(super) async fn reload_on_hangup(mut config: Config, options: ServeOptions, running: Running) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::warn!(%error, "cannot wait for SIGHUP"),
    };
    while hangup.recv().await.is_some() {
        match options.resolve() {
            Ok(new) => config = take(config, &new, &running),
            Err(error) => tracing::warn!(%error, "configuration is not usable and was not taken"),
        }
    }
}

fn take(before: Config, new: &Config, running: &Running) -> Config {
    let (config, waiting) = before.reloaded(new);
    set_log_level(config.log_level);
    running.store.set_retention(&config.store);
    running.ingest.set_limits(&config.ingest);
    running.query.set_search_limits(config.search_timeout, config.search_max_bytes);
    tracing::info!("configuration read again");
    if !waiting.is_empty() {
        let keys = waiting.join(", ");
        tracing::warn!(keys, "these settings have changed and wait for a restart");
    }
    config
}
