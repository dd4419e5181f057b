//! Precedence, checks, and the words of every fault.

use std::io::Write as _;
use std::time::Duration;

use std::collections::HashMap;

use proptest::prelude::*;

use super::written::Key;
use super::*;

fn options(yaml: &str, flags: ServeOptions) -> (tempfile::NamedTempFile, ServeOptions) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let config = Some(file.path().to_owned());
    (file, ServeOptions { config, ..flags })
}

fn resolve(yaml: &str, flags: ServeOptions) -> Result<Config, ConfigError> {
    let (_file, options) = options(yaml, flags);
    options.resolve()
}

fn faults(yaml: &str) -> Vec<String> {
    resolve(yaml, ServeOptions::default()).unwrap_err().faults.iter().map(Fault::to_string).collect()
}

#[test]
fn needs_no_file_and_no_flags() {
    let config = ServeOptions::default().resolve().unwrap();
    assert_eq!(config.otlp_grpc.to_string(), "127.0.0.1:4317");
    assert_eq!(config.otlp_http.to_string(), "127.0.0.1:4318");
    assert_eq!(config.http.to_string(), "127.0.0.1:16686");
    assert_eq!(config.store.retention, Duration::from_secs(7 * 86_400));
    assert_eq!(config.store.block_max_spans, 250_000);
    assert_eq!(config.store.block_max_age, Duration::from_secs(300));
    assert_eq!(config.zipkin.to_string(), "127.0.0.1:9411");
    assert_eq!(config.store.durability, store::Durability::Fsync);
    assert_eq!((config.ingest.max_bytes_in_flight, config.store.memory_bytes), (128 << 20, 256 << 20));
    assert_eq!(config.ingest.clock.max_age, config.store.retention);
}

#[test]
fn durability_and_memory_are_read_and_their_faults_told() {
    let yaml = "memory_limit: 1216MiB\nstorage: {durability: os, retention: 3d}\nreceivers: {zipkin: {endpoint: '[::1]:1'}}\n";
    let config = resolve(yaml, ServeOptions::default()).unwrap();
    assert_eq!(config.store.durability, store::Durability::Os);
    assert_eq!((config.ingest.max_bytes_in_flight, config.store.memory_bytes), (256 << 20, 512 << 20));
    assert_eq!(config.zipkin.to_string(), "[::1]:1");
    assert_eq!(config.ingest.clock.max_age, Duration::from_secs(3 * 86_400));
    let least = resolve("memory_limit: 256MiB", ServeOptions::default()).unwrap();
    assert_eq!((least.ingest.max_bytes_in_flight, least.store.memory_bytes), (16 << 20, 32 << 20));
    for (yaml, words) in [
        ("storage: {durability: never}", "use fsync, os or memory"),
        (
            "memory_limit: 1MiB",
            "it must be at least 256MiB: 192MiB for the process itself and 64MiB for spans",
        ),
        ("memory_limit: 255MiB", "it must be at least 256MiB"),
        ("memory_limit: much", "write a size such as 512MiB"),
        ("memory_limit: 99999999999999999GiB", "write a size such as"),
    ] {
        let found = faults(yaml);
        assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
    }
}

#[test]
fn the_example_file_equals_the_defaults() {
    let example = include_str!("example.yaml");
    assert_eq!(resolve(example, ServeOptions::default()), ServeOptions::default().resolve());
    let mut faults = Vec::new();
    let written = file::parse(example, &ProcessEnvironment, &mut faults);
    assert_eq!(written.settings.len(), written::Key::ALL.len(), "a setting is missing in the example");
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let yaml = "storage: {retention: 3d, block: {max_spans: 10}}\nquery: {endpoint: '[::1]:99'}\n";
    let flags = ServeOptions { retention: Some("36h".to_owned()), ..ServeOptions::default() };
    let config = resolve(yaml, flags).unwrap();
    assert_eq!(config.store.retention, Duration::from_secs(36 * 3600));
    assert_eq!(config.store.block_max_spans, 10);
    assert_eq!(config.http, ListenAddress { host: "::1".to_owned(), port: 99 });
    assert_eq!(config.http.to_string(), "[::1]:99");
}

impl Environment for HashMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        HashMap::get(self, name).map(|value| (*value).to_owned())
    }
}

fn read_with(yaml: &str, environment: &dyn Environment) -> Result<(Written, Config), ConfigError> {
    let (_file, options) = options(yaml, ServeOptions::default());
    options.read_with(environment)
}

#[test]
fn variables_of_the_environment_are_put_in_their_places() {
    let environment = HashMap::from([("HOST", "10.0.0.1"), ("KEEP", "3d"), ("EMPTY", "")]);
    let yaml = "query: {endpoint: '${env:HOST}:${env:PORT:-99}'}\nstorage: {retention: '${env:KEEP}', data_dir: 'a$$b$c'}\n";
    let (_, config) = read_with(yaml, &environment).unwrap();
    assert_eq!(config.http.to_string(), "10.0.0.1:99");
    assert_eq!(config.store.retention, Duration::from_secs(3 * 86_400));
    assert_eq!(config.store.data_dir.to_str(), Some("a$b$c"));
    for (value, words) in [
        (
            "${env:NONE}",
            "storage.data_dir (line 1): the variable NONE is not set: set it, or write ${env:NONE:-",
        ),
        ("${env:}", "names no variable"),
        ("${env:a b}", "names no variable"),
        ("${file:x}", "write ${env:NAME}"),
        ("${env:HOST", "has no `}`"),
        ("${env:EMPTY}", "name a folder"),
    ] {
        let error = read_with(&format!("storage: {{data_dir: '{value}'}}"), &environment).unwrap_err();
        assert!(error.to_string().contains(words), "{value}: {error}");
    }
}

#[test]
fn what_is_in_effect_is_printed_as_a_file_that_means_the_same() {
    let yaml =
        "log: {level: debug}\nstorage: {data_dir: '/var/lib/a # b $${c} $$$$', block: {max_spans: 7}}\n";
    let (written, config) = read_with(yaml, &ProcessEnvironment).unwrap();
    let printed = show::in_effect(&written);
    assert!(printed.contains("  level: debug  # off, error"), "{printed}");
    assert!(printed.contains("max_spans: 7 "), "{printed}");
    assert_eq!(read_with(&printed, &ProcessEnvironment).unwrap().1, config);
    let json = show::as_json(&printed).unwrap();
    assert_eq!(json["storage"]["data_dir"], "/var/lib/a # b $${c} $$$$");
    assert_eq!(json["storage"]["block"]["max_spans"], 7);
    assert_eq!(json["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"], "127.0.0.1:4317");
}

#[test]
fn the_schema_has_every_key_with_its_default() {
    let schema = show::schema();
    for key in written::Key::ALL {
        let pointer: String = key.path().split('.').map(|name| format!("/properties/{name}")).collect();
        let leaf = schema.pointer(&pointer).unwrap_or_else(|| panic!("{} is missing", key.path()));
        assert!(!leaf["default"].is_null(), "{pointer}: {leaf}");
    }
    assert_eq!(schema.pointer("/properties/storage/properties/retention/default").unwrap(), "7d");
    assert_eq!(schema.pointer("/properties/storage/additionalProperties").unwrap(), false);
}

#[test]
fn reads_sizes_and_says_what_would_be_right() {
    for (text, expected) in [
        ("1", Some(1)),
        ("7B", Some(7)),
        ("512MiB", Some(512 << 20)),
        ("1GiB", Some(1 << 30)),
        ("0", None),
        ("", None),
        ("MiB", None),
        ("1.5GiB", None),
        ("-1", None),
        ("99999999999GiB", None),
        ("1 GiB", None),
    ] {
        assert_eq!(size::parse_size(text).ok(), expected, "{text}");
    }
    let found = faults("query:\n  search: {timeout: 0s, max_bytes: much}\n");
    assert!(
        found[0].contains("query.search.timeout (line 2): `0s` is not usable: it must be longer"),
        "{found:?}"
    );
    assert!(found[1].contains("write a size such as 512MiB"), "{found:?}");
}

#[test]
fn every_setting_is_taken_while_the_process_runs_or_named_as_waiting() {
    let config = |yaml: &str| read_with(yaml, &ProcessEnvironment).unwrap().1;
    let others = [
        (Key::OtlpGrpc, "127.0.0.1:1"),
        (Key::OtlpHttp, "127.0.0.1:2"),
        (Key::Zipkin, "127.0.0.1:3"),
        (Key::MemoryLimit, "1GiB"),
        (Key::MaxTraceSpans, "7"),
        (Key::DataDir, "elsewhere"),
        (Key::Durability, "os"),
        (Key::Retention, "1d"),
        (Key::RetentionByService, "cart=2d"),
        (Key::MaxBlockBytes, "5GiB"),
        (Key::RollupRetention, "9d"),
        (Key::BlockMaxSpans, "7"),
        (Key::BlockMaxAge, "1m"),
        (Key::Http, "127.0.0.1:4"),
        (Key::SearchTimeout, "1s"),
        (Key::SearchMaxBytes, "1MiB"),
        (Key::LogLevel, "debug"),
    ];
    // The keys of an object store mean nothing without its URL: the next test has them.
    let is_tested = |key: &Key| others.iter().any(|(other, _)| other.path() == key.path());
    let left: Vec<&str> = Key::ALL.iter().filter(|key| !is_tested(key)).map(|key| key.path()).collect();
    assert_eq!(left, OBJECT_STORE.map(|(name, _)| format!("storage.object_store.{name}")));
    for (key, value) in others {
        let path = key.path();
        let names: Vec<&str> = path.split('.').collect();
        let yaml =
            names.iter().rev().fold(format!("'{value}'"), |inner, name| format!("{{{name}: {inner}}}"));
        let (before, new) = (config(""), config(&yaml));
        assert_ne!(before, new, "{path}");
        let (after, waiting) = before.clone().reloaded(&new);
        match waiting[..] {
            [] => assert_eq!(after, new, "{path} is taken as a whole"),
            _ => assert_eq!((waiting, after), (vec![path], before), "{path} waits as a whole"),
        }
    }
    let waits = |yaml: &str| config("").reloaded(&config(yaml)).1;
    assert_eq!(waits("storage: {retention: 1d, block: {max_spans: 9}}"), ["storage.block.max_spans"]);
    assert!(waits("query: {search: {timeout: 1s}}\nlog: {level: debug}").is_empty());
}

/// Every key of an object store, with a value that is not its default.
const OBJECT_STORE: [(&str, &str); 8] = [
    ("url", "s3://other/prefix"),
    ("endpoint", "http://127.0.0.1:5"),
    ("region", "eu-north-1"),
    ("ca_file", "ca.pem"),
    ("access_key_id", "me"),
    ("secret_access_key", "mine"),
    ("owner", "shop"),
    ("cache_bytes", "1GiB"),
];

#[test]
fn an_object_store_changes_with_a_restart_only() {
    let config = |written: &[(&str, &str)]| {
        let lines: String = written.iter().map(|(name, value)| format!("    {name}: '{value}'\n")).collect();
        read_with(&format!("storage:\n  object_store:\n{lines}"), &ProcessEnvironment).unwrap().1
    };
    let before = [("url", "s3://bucket/prefix"), ("access_key_id", "you"), ("secret_access_key", "yours")];
    for (name, value) in OBJECT_STORE {
        let mut after: Vec<(&str, &str)> = before.into_iter().filter(|(other, _)| *other != name).collect();
        after.push((name, value));
        let (kept, waiting) = config(&before).reloaded(&config(&after));
        assert_eq!(waiting, [format!("storage.object_store.{name}")]);
        assert_eq!(kept, config(&before));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_configuration_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut faults = Vec::new();
        let written = file::parse(&String::from_utf8_lossy(&bytes), &HashMap::new(), &mut faults);
        resolve::resolve(&written, &mut faults);
    }

    #[test]
    fn any_yaml_is_a_configuration_or_refused(
        text in "((storage|query|log|receivers|retention|endpoint|level|[a-z]{1,3})?(: |:\n  |- |\\{|\\}|\\[|\\]|&a |\\*a|<<|!!int |\\$\\{env:|7d|\n| |'|\"|\\|)){0,40}"
    ) {
        let mut faults = Vec::new();
        let written = file::parse(&text, &HashMap::new(), &mut faults);
        resolve::resolve(&written, &mut faults);
    }
}

#[test]
fn an_empty_file_and_bare_sections_mean_defaults() {
    for yaml in ["", "# nothing\n", "receivers:\n  otlp:\n    protocols:\n      grpc:\n      http:\n"] {
        assert_eq!(resolve(yaml, ServeOptions::default()), ServeOptions::default().resolve(), "{yaml}");
    }
}

#[test]
fn names_an_unknown_key_its_line_and_the_nearest_known_one() {
    for (yaml, line, key, nearest) in [
        ("storage:\n  retentoin: 7d\n", 2, "storage.retentoin", "storage.retention"),
        ("\nretention: 7d\n", 2, "retention", "storage.retention"),
        ("storage:\n  block:\n    maxspans: 7\n", 3, "storage.block.maxspans", "storage.block.max_spans"),
        ("reciever:\n  x: 1\n", 1, "reciever", "receivers"),
        ("querry: {endpoint: 'a:1'}\n", 1, "querry", "query"),
    ] {
        let expected = format!("line {line}: `{key}` is not a known key; did you mean `{nearest}`?");
        assert_eq!(faults(yaml), [expected]);
    }
}

#[test]
fn reports_all_faults_at_once() {
    let yaml = "storage:\n  retention: soon\n  block: {max_spans: 0}\nqurey: 1\n";
    let flags = ServeOptions {
        otlp_grpc: Some("localhost".to_owned()),
        log_level: Some("loud".to_owned()),
        ..ServeOptions::default()
    };
    let error = resolve(yaml, flags).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.faults.len(), 5, "{text}");
    for words in [
        "line 4: `qurey` is not a known key; did you mean `query`?",
        "--otlp-grpc: `localhost` is not usable: write HOST:PORT",
        "storage.retention (line 2): `soon` is not usable: write a duration such as",
        "storage.block.max_spans (line 3): `0` is not usable: write a whole number from 1 to",
        "--log-level (or THROUGHLINE_LOG): `loud` is not usable: use off,",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
}

#[test]
fn refuses_what_is_not_a_configuration() {
    for (yaml, words) in [
        ("- 1\n", "line 1: the file holds a value; write keys under it"),
        ("storage: 7\n", "line 1: storage holds a value; write keys under it, such as `storage"),
        ("storage: {retention: [7d]}\n", "line 1: storage.retention holds several values; write one value"),
        ("storage: {retention: 1d}\nstorage: {retention: 2d}\n", "duplicated key"),
        ("storage: [", "the file is not YAML"),
        ("query:\n---\nquery:\n", "several documents"),
    ] {
        let found = faults(yaml);
        assert!(found.iter().any(|fault| fault.contains(words)), "{yaml}: {found:?}");
    }
}

#[test]
fn names_a_file_that_cannot_be_read() {
    let options = ServeOptions { config: Some("no/such.yaml".into()), ..ServeOptions::default() };
    let text = options.resolve().unwrap_err().to_string();
    assert!(text.contains("--config no/such.yaml: cannot be read"), "{text}");
}

#[test]
fn reads_durations_as_go_writes_them() {
    for (text, expected_ms) in [
        ("300ms", Some(300)),
        ("1.5s", Some(1_500)),
        ("1h30m", Some(5_400_000)),
        (".5h", Some(1_800_000)),
        ("7d", Some(604_800_000)),
        ("2w", Some(1_209_600_000)),
        ("2000us", Some(2)),
        ("2000µs", Some(2)),
        ("", None),
        ("7", None),
        ("d", None),
        ("-7d", None),
        ("7 d", None),
        ("1.2.3s", None),
        ("9999999999999d", None),
        ("999999w999999w999999w", None),
    ] {
        assert_eq!(parse_duration(text).ok(), expected_ms.map(Duration::from_millis), "{text}");
    }
}

#[test]
fn reads_addresses_and_says_what_would_be_right() {
    for (text, expected) in [
        ("127.0.0.1:0", Ok("127.0.0.1:0")),
        ("localhost:80", Ok("localhost:80")),
        ("[::1]:80", Ok("[::1]:80")),
        ("127.0.0.1", Err("HOST:PORT")),
        ("127.0.0.1:65536", Err("0 to 65535")),
        ("127.0.0.1:http", Err("0 to 65535")),
        (":4317", Err("0.0.0.0")),
        ("::1:80", Err("brackets")),
        ("http://localhost:80", Err("brackets")),
        ("a b:80", Err("without scheme")),
    ] {
        let found = text.parse::<ListenAddress>();
        match expected {
            Ok(shown) => assert_eq!(found.unwrap().to_string(), shown),
            Err(words) => assert!(found.unwrap_err().contains(words), "{text}"),
        }
    }
}

#[test]
fn retention_has_limits_by_service_and_by_bytes() {
    let yaml = "storage: {retention_by_service: 'cart=2d, load test=6h', max_bytes: 2GiB}\n";
    let store = resolve(yaml, ServeOptions::default()).unwrap().store;
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let expected = [("cart".to_owned(), hours(48)), ("load test".to_owned(), hours(6))];
    assert_eq!(store.retention_by_service, expected.into());
    assert_eq!(store.max_block_bytes, Some(2 << 30));
    for (bad, word) in [
        ("retention_by_service: cart", "cart=2d"),
        ("retention_by_service: cart=soon", "cart=soon"),
        ("retention_by_service: 'cart=1d,cart=2d'", "twice"),
        ("max_bytes: much", "500GiB"),
        ("max_bytes: 99999999TiB", "500GiB"),
    ] {
        let found = faults(&format!("storage: {{{bad}}}\n"));
        assert!(found.len() == 1 && found[0].contains(word), "{bad}: {found:?}");
    }
}

#[test]
fn an_object_store_is_named_and_its_key_is_never_shown() {
    let keys = "access_key_id: me, secret_access_key: hunter2";
    let yaml = format!("storage: {{object_store: {{url: 's3://traces/mesh', {keys}, cache_bytes: 0}}}}\n");
    let config = resolve(&yaml, ServeOptions::default()).unwrap();
    let found = config.store.object_store.clone().unwrap();
    assert_eq!((found.url.as_str(), found.cache_bytes, found.owner), ("s3://traces/mesh", None, None));
    assert_eq!(found.secret_access_key, Some(store::Secret::new("hunter2".to_owned())));
    let written = file::parse(&yaml, &ProcessEnvironment, &mut Vec::new());
    let printed = show::in_effect(&written);
    assert!(
        printed.contains("access_key_id: me") && printed.contains("secret_access_key: '(not shown)'"),
        "{printed}"
    );
    assert!(!printed.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    for (bad, word) in [
        ("url: s3:/traces", "s3://bucket/prefix"),
        ("url: 's3://'", "s3://bucket/prefix"),
        ("url: 'ftp://traces'", "s3://bucket/prefix"),
        ("url: 's3://me:hunter2@traces'", "no credentials"),
        ("url: 'az://traces?sig=hunter2'", "no credentials"),
        ("url: 's3://traces', endpoint: 'minio:9000'", "with its scheme"),
        ("url: 's3://traces', cache_bytes: much", "500GiB"),
        ("url: 's3://traces', access_key_id: me", "only one is set"),
        ("url: 'gs://traces', access_key_id: me, secret_access_key: hunter2", "come from the environment"),
        ("uri: traces", "storage.object_store.url"),
    ] {
        let found = faults(&format!("storage: {{object_store: {{{bad}}}}}\n"));
        assert!(found.len() == 1 && found[0].contains(word), "{bad}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    let none = resolve("storage: {object_store: {region: here}}\n", ServeOptions::default()).unwrap();
    assert_eq!(none.store.object_store, None);
}
