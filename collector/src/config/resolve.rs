//! From what was written to what is meant: every value is parsed, bounded, or replaced by its default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::size::parse_size;
use super::written::{Key, Written};
use super::{Config, Fault, ListenAddress, parse_duration};
use crate::store::{ObjectStoreConfig, Secret};
use crate::telemetry::Level;
use crate::{alert, ingest, store};

/// What the process takes whatever comes in: docs/decisions/026-what-a-span-costs.md says for what.
const RESERVED_MEMORY_BYTES: usize = 192 * 1024 * 1024;
/// A message of the largest size must fit the part of the memory that is for messages.
const LEAST_SPAN_MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// More would not fit the memory the live window may take.
const BLOCK_SPANS_LIMIT: usize = 1_000_000;

/// Resolves every setting; what is faulty gets its default and a fault.
pub(super) fn resolve(written: &Written, faults: &mut Vec<Fault>) -> Config {
    let mut reader = Reader { written, faults };
    let store = store::Config::default();
    let retention = reader.read(Key::Retention, positive_duration).unwrap_or(store.retention);
    let span_memory_bytes = reader.read(Key::MemoryLimit, span_memory).unwrap_or(2 * store.memory_bytes);
    Config {
        otlp_grpc: reader.read(Key::OtlpGrpc, ListenAddress::from_str).unwrap_or_else(|| local(4317)),
        otlp_http: reader.read(Key::OtlpHttp, ListenAddress::from_str).unwrap_or_else(|| local(4318)),
        http: reader.read(Key::Http, ListenAddress::from_str).unwrap_or_else(|| local(16686)),
        zipkin: reader.read(Key::Zipkin, ListenAddress::from_str).unwrap_or_else(|| local(9411)),
        // Half of the memory for spans is for those that are in no block yet, a quarter for messages; the rest is for making blocks.
        ingest: ingest::Config {
            max_bytes_in_flight: span_memory_bytes / 4,
            max_trace_spans: reader
                .read(Key::MaxTraceSpans, trace_spans)
                .unwrap_or(ingest::Config::default().max_trace_spans),
            clock: ingest::ClockLimits { max_age: retention, ..ingest::ClockLimits::default() },
            ..ingest::Config::default()
        },
        alert: alert::Config::default(),
        store: store::Config {
            data_dir: reader.read(Key::DataDir, folder).unwrap_or(store.data_dir),
            retention,
            durability: reader.read(Key::Durability, durability).unwrap_or(store.durability),
            memory_bytes: span_memory_bytes / 2,
            linger: store.linger,
            retention_by_service: reader
                .read(Key::RetentionByService, retention_by_service)
                .unwrap_or(store.retention_by_service),
            max_block_bytes: reader.read(Key::MaxBlockBytes, byte_limit).unwrap_or(store.max_block_bytes),
            object_store: object_store(&mut reader),
            rollup_retention: reader
                .read(Key::RollupRetention, positive_duration)
                .unwrap_or(store.rollup_retention),
            block_max_spans: reader.read(Key::BlockMaxSpans, span_count).unwrap_or(store.block_max_spans),
            block_max_age: reader.read(Key::BlockMaxAge, positive_duration).unwrap_or(store.block_max_age),
        },
        module: None,
        search_timeout: reader.read(Key::SearchTimeout, positive_duration).unwrap_or(Duration::from_secs(10)),
        search_max_bytes: reader.read(Key::SearchMaxBytes, parse_size).unwrap_or(1 << 30),
        log_level: reader
            .read(Key::LogLevel, |text| {
                text.parse().map_err(|_| "use off, error, warn, info, debug or trace".to_owned())
            })
            .unwrap_or(Level::Info),
    }
}

/// Blocks on the disk when there is an object store and nothing else is said.
const CACHE_BYTES: u64 = 10 << 30;

/// The object store, when one is named.
fn object_store(reader: &mut Reader<'_>) -> Option<ObjectStoreConfig> {
    let url = reader.read(Key::ObjectStoreUrl, address);
    let cache_bytes = reader.read(Key::ObjectStoreCacheBytes, byte_limit).unwrap_or(Some(CACHE_BYTES));
    let endpoint = reader.read(Key::ObjectStoreEndpoint, http_address).flatten();
    let mut text =
        |key| reader.read(key, |text| Ok::<_, &str>(text.to_owned())).filter(|text| !text.is_empty());
    let config = ObjectStoreConfig {
        endpoint,
        region: text(Key::ObjectStoreRegion),
        ca_file: text(Key::ObjectStoreCaFile).map(PathBuf::from),
        access_key_id: text(Key::ObjectStoreAccessKeyId).map(Secret::new),
        secret_access_key: text(Key::ObjectStoreSecret).map(Secret::new),
        owner: text(Key::ObjectStoreOwner),
        cache_bytes,
        url: url.flatten()?,
    };
    if config.access_key_id.is_some() != config.secret_access_key.is_some() {
        reader.faults.push(Fault::new(
            "of storage.object_store.access_key_id and secret_access_key only one is set: set both, or none to take them \
             from the environment",
        ));
    }
    if config.access_key_id.is_some() && !["s3://", "az://"].iter().any(|kind| config.url.starts_with(kind)) {
        reader.faults.push(Fault::new(
            "storage.object_store.access_key_id is for s3:// and az:// only: Google's credentials come from the environment, \
             as docs/object-store.md says, and a folder needs none",
        ));
    }
    Some(config)
}

struct Reader<'a> {
    written: &'a Written,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn read<T, E: AsRef<str>>(&mut self, key: Key, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let setting = self.written.find(key)?;
        match parse(&setting.text) {
            Ok(value) => Some(value),
            Err(right) => {
                // An address may hold what is secret.
                let is_hidden = key.is_secret() || text_may_be_secret(&setting.text);
                let text = if is_hidden { "(not shown)" } else { setting.text.as_str() };
                let (origin, right) = (&setting.origin, right.as_ref());
                self.faults.push(Fault::new(format!("{origin}: `{text}` is not usable: {right}")));
                None
            }
        }
    }
}

/// An address with a user, or with a query.
fn text_may_be_secret(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.contains(['@', '?']))
}

fn local(port: u16) -> ListenAddress {
    ListenAddress { host: "127.0.0.1".to_owned(), port }
}

fn folder(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("name a folder") } else { Ok(PathBuf::from(text)) }
}

fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("it must be longer than zero, such as 5m or 7d") } else { Ok(duration) }
}

fn durability(text: &str) -> Result<store::Durability, &'static str> {
    match text {
        "fsync" => Ok(store::Durability::Fsync),
        "os" => Ok(store::Durability::Os),
        "memory" => Ok(store::Durability::Memory),
        _ => Err("use fsync, os or memory"),
    }
}

/// What a limit for the whole process leaves for spans.
fn span_memory(text: &str) -> Result<usize, String> {
    let limit = usize::try_from(parse_size(text)?).unwrap_or(usize::MAX);
    let for_spans =
        limit.checked_sub(RESERVED_MEMORY_BYTES).filter(|bytes| *bytes >= LEAST_SPAN_MEMORY_BYTES);
    for_spans.ok_or_else(|| {
        let (reserved, spans) = (RESERVED_MEMORY_BYTES >> 20, LEAST_SPAN_MEMORY_BYTES >> 20);
        let least = reserved + spans;
        format!(
            "it must be at least {least}MiB: {reserved}MiB for the process itself and {spans}MiB for spans"
        )
    })
}

fn span_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=BLOCK_SPANS_LIMIT).contains(count));
    count.ok_or_else(|| format!("write a whole number from 1 to {BLOCK_SPANS_LIMIT}"))
}

fn trace_spans(text: &str) -> Result<u32, &'static str> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or("write a whole number of spans, such as 100000")
}

/// `SERVICE=DURATION`, several divided by commas.
fn retention_by_service(text: &str) -> Result<BTreeMap<String, Duration>, String> {
    let mut retention = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let right = || format!("`{part}` should be a service and a duration, such as `cart=2d`");
        let (service, duration) = part.split_once('=').ok_or_else(right)?;
        let duration =
            positive_duration(duration.trim()).map_err(|reason| format!("{}: {reason}", right()))?;
        if retention.insert(service.trim().to_owned(), duration).is_some() {
            return Err(format!("`{}` is named twice", service.trim()));
        }
    }
    Ok(retention)
}

/// The address of an object store; empty for none.
fn address(text: &str) -> Result<Option<String>, &'static str> {
    const SCHEMES: [&str; 4] = ["s3://", "gs://", "az://", "file:///"];
    let holds_more = |scheme: &&str| text.strip_prefix(*scheme).is_some_and(|rest| !rest.is_empty());
    match text {
        "" => Ok(None),
        _ if text.contains(['@', '?']) => Err("write no credentials into it: they would be shown"),
        _ if SCHEMES.iter().any(holds_more) => Ok(Some(text.to_owned())),
        _ => Err("write s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder"),
    }
}

/// An address that HTTP is spoken at; empty for none.
fn http_address(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        _ if text.starts_with("https://") || text.starts_with("http://") => Ok(Some(text.to_owned())),
        _ => Err("write it with its scheme, such as https://minio.storage:9000"),
    }
}

/// Bytes with an optional unit of 1024; `0` for no limit.
fn byte_limit(text: &str) -> Result<Option<u64>, &'static str> {
    const RIGHT: &str = "write bytes, such as 500GiB, 20MiB or 1048576, or 0 for no limit";
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let found = UNITS.into_iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    let (digits, bits) = found.unwrap_or((text, 0));
    let number: u64 = digits.trim().parse().map_err(|_| RIGHT)?;
    let bytes = number.checked_mul(1 << bits).ok_or(RIGHT)?;
    Ok((bytes > 0).then_some(bytes))
}
