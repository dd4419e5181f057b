//! Which settings a running process takes from a file that was changed, and which wait for a restart.

use super::Config;
use super::written::Key;
use crate::store::ObjectStoreConfig;
use crate::{ingest, store};

impl Config {
    /// What a process that runs by `self` goes on by when `new` is asked for, and the keys of what has to wait.
    #[must_use]
    pub fn reloaded(self, new: &Self) -> (Self, Vec<&'static str>) {
        let waiting = self.waiting_for(new);
        let config = Self {
            ingest: ingest::Config {
                clock: new.ingest.clock.clone(),
                max_trace_spans: new.ingest.max_trace_spans,
                ..self.ingest
            },
            store: store::Config {
                retention: new.store.retention,
                retention_by_service: new.store.retention_by_service.clone(),
                max_block_bytes: new.store.max_block_bytes,
                rollup_retention: new.store.rollup_retention,
                ..self.store
            },
            search_timeout: new.search_timeout,
            search_max_bytes: new.search_max_bytes,
            log_level: new.log_level,
            ..self
        };
        (config, waiting)
    }

    /// Listeners, threads and folders are made once, and memory is divided once.
    fn waiting_for(&self, new: &Self) -> Vec<&'static str> {
        let (old_store, new_store) = (&self.store, &new.store);
        let changes = [
            (Key::OtlpGrpc, self.otlp_grpc != new.otlp_grpc),
            (Key::OtlpHttp, self.otlp_http != new.otlp_http),
            (Key::Zipkin, self.zipkin != new.zipkin),
            (Key::Http, self.http != new.http),
            (Key::MemoryLimit, old_store.memory_bytes != new_store.memory_bytes),
            (Key::DataDir, old_store.data_dir != new_store.data_dir),
            (Key::Durability, old_store.durability != new_store.durability),
            (Key::BlockMaxSpans, old_store.block_max_spans != new_store.block_max_spans),
            (Key::BlockMaxAge, old_store.block_max_age != new_store.block_max_age),
        ];
        let elsewhere =
            object_store_changes(old_store.object_store.as_ref(), new_store.object_store.as_ref());
        let all = changes.into_iter().chain(elsewhere);
        all.filter(|(_, has_changed)| *has_changed).map(|(key, _)| key.path()).collect()
    }
}

/// What differs between two object stores. Without a URL there is none, and the rest means nothing.
fn object_store_changes(
    old: Option<&ObjectStoreConfig>,
    new: Option<&ObjectStoreConfig>,
) -> [(Key, bool); 8] {
    let url = |config: Option<&ObjectStoreConfig>| config.map(|config| config.url.clone());
    let differs = |field: fn(&ObjectStoreConfig, &ObjectStoreConfig) -> bool| {
        old.zip(new).is_some_and(|(old, new)| field(old, new))
    };
    [
        (Key::ObjectStoreUrl, url(old) != url(new)),
        (Key::ObjectStoreEndpoint, differs(|old, new| old.endpoint != new.endpoint)),
        (Key::ObjectStoreRegion, differs(|old, new| old.region != new.region)),
        (Key::ObjectStoreCaFile, differs(|old, new| old.ca_file != new.ca_file)),
        (Key::ObjectStoreAccessKeyId, differs(|old, new| old.access_key_id != new.access_key_id)),
        (Key::ObjectStoreSecret, differs(|old, new| old.secret_access_key != new.secret_access_key)),
        (Key::ObjectStoreOwner, differs(|old, new| old.owner != new.owner)),
        (Key::ObjectStoreCacheBytes, differs(|old, new| old.cache_bytes != new.cache_bytes)),
    ]
}
