//! What was written, and where, before anything is checked.

use std::fmt;

use super::ServeOptions;

/// The settings that can be written, by their key in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    OtlpGrpc,
    OtlpHttp,
    Zipkin,
    MemoryLimit,
    MaxTraceSpans,
    DataDir,
    Durability,
    Retention,
    RetentionByService,
    MaxBlockBytes,
    ObjectStoreUrl,
    ObjectStoreEndpoint,
    ObjectStoreRegion,
    ObjectStoreCaFile,
    ObjectStoreAccessKeyId,
    ObjectStoreSecret,
    ObjectStoreOwner,
    ObjectStoreCacheBytes,
    RollupRetention,
    BlockMaxSpans,
    BlockMaxAge,
    Http,
    SearchTimeout,
    SearchMaxBytes,
    LogLevel,
}

impl Key {
    pub(super) const ALL: [Self; 25] = [
        Self::OtlpGrpc,
        Self::OtlpHttp,
        Self::Zipkin,
        Self::MemoryLimit,
        Self::MaxTraceSpans,
        Self::DataDir,
        Self::Durability,
        Self::Retention,
        Self::RetentionByService,
        Self::MaxBlockBytes,
        Self::ObjectStoreUrl,
        Self::ObjectStoreEndpoint,
        Self::ObjectStoreRegion,
        Self::ObjectStoreCaFile,
        Self::ObjectStoreAccessKeyId,
        Self::ObjectStoreSecret,
        Self::ObjectStoreOwner,
        Self::ObjectStoreCacheBytes,
        Self::RollupRetention,
        Self::BlockMaxSpans,
        Self::BlockMaxAge,
        Self::Http,
        Self::SearchTimeout,
        Self::SearchMaxBytes,
        Self::LogLevel,
    ];

    /// The path of the key in the file.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "receivers.otlp.protocols.grpc.endpoint",
            Self::OtlpHttp => "receivers.otlp.protocols.http.endpoint",
            Self::Zipkin => "receivers.zipkin.endpoint",
            Self::MemoryLimit => "memory_limit",
            Self::MaxTraceSpans => "max_trace_spans",
            Self::DataDir => "storage.data_dir",
            Self::Durability => "storage.durability",
            Self::Retention => "storage.retention",
            Self::RetentionByService => "storage.retention_by_service",
            Self::MaxBlockBytes => "storage.max_bytes",
            Self::ObjectStoreUrl => "storage.object_store.url",
            Self::ObjectStoreEndpoint => "storage.object_store.endpoint",
            Self::ObjectStoreRegion => "storage.object_store.region",
            Self::ObjectStoreCaFile => "storage.object_store.ca_file",
            Self::ObjectStoreAccessKeyId => "storage.object_store.access_key_id",
            Self::ObjectStoreSecret => "storage.object_store.secret_access_key",
            Self::ObjectStoreOwner => "storage.object_store.owner",
            Self::ObjectStoreCacheBytes => "storage.object_store.cache_bytes",
            Self::RollupRetention => "storage.rollups.retention",
            Self::BlockMaxSpans => "storage.block.max_spans",
            Self::BlockMaxAge => "storage.block.max_age",
            Self::Http => "query.endpoint",
            Self::SearchTimeout => "query.search.timeout",
            Self::SearchMaxBytes => "query.search.max_bytes",
            Self::LogLevel => "log.level",
        }
    }
}

impl Key {
    /// Whether the value must not be shown.
    pub(super) fn is_secret(self) -> bool {
        self == Self::ObjectStoreSecret
    }
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Flag(&'static str),
    File { key: Key, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(formatter, "{flag}"),
            Self::File { key, line } => write!(formatter, "{} (line {line})", key.path()),
        }
    }
}

/// One value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: Key,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// All values that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) settings: Vec<Setting>,
}

impl Written {
    /// Takes from the other what this one does not say.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.settings.extend(other.settings);
        self
    }

    /// The first value of this key.
    pub(super) fn find(&self, key: Key) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }
}

/// The values that were given by flags.
pub(super) fn from_flags(options: &ServeOptions) -> Written {
    let flags = [
        (Key::DataDir, "--data-dir", &options.data_dir),
        (Key::OtlpGrpc, "--otlp-grpc", &options.otlp_grpc),
        (Key::OtlpHttp, "--otlp-http", &options.otlp_http),
        (Key::Zipkin, "--zipkin", &options.zipkin),
        (Key::MemoryLimit, "--memory-limit", &options.memory_limit),
        (Key::Durability, "--durability", &options.durability),
        (Key::Http, "--http", &options.http),
        (Key::Retention, "--retention", &options.retention),
        (Key::LogLevel, "--log-level (or THROUGHLINE_LOG)", &options.log_level),
    ];
    let settings = flags.into_iter().filter_map(|(key, flag, text)| {
        let text = text.clone()?;
        Some(Setting { key, text, origin: Origin::Flag(flag) })
    });
    Written { settings: settings.collect() }
}
