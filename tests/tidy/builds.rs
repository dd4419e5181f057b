//! What `cargo build` compiles is what `cargo test` runs: a feature that only a test asks for compiles all that depends
//! on it a second time, and the tests then run another program than the one that ships.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The sets of features with which each package is compiled.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Each line is a package with its version, a tabulator, and its features.
fn read_features(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines() {
        if let Some((package, set)) = line.trim_end_matches(" (*)").split_once('\t') {
            features.entry(package.to_owned()).or_default().insert(set.to_owned());
        }
    }
    features
}

fn features(edges: &str) -> Features {
    let words = ["tree", "--offline", "--locked", "--workspace", "--no-dedupe", "--prefix", "none"];
    let output = Command::new(env!("CARGO"))
        .args(words)
        .args(["--edges", edges, "--format", "{p}\t{f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    read_features(&String::from_utf8_lossy(&output.stdout))
}

/// Packages of the build that tests would have compiled in another form, with both.
fn compiled_twice(build: &Features, test: &Features) -> Vec<String> {
    let of_both = build.iter().filter_map(|(package, built)| Some((package, built, test.get(package)?)));
    of_both
        .filter(|(_, built, tested)| built != tested)
        .map(|(package, built, tested)| {
            format!("{package} is built with {built:?} and tested with {tested:?}")
        })
        .collect()
}

#[test]
fn tests_run_what_was_built() {
    let build = features("normal,build");
    assert!(
        build.len() > 100,
        "cargo tree lists {} packages: is it still read as it is written?",
        build.len()
    );
    let twice = compiled_twice(&build, &features("normal,build,dev"));
    assert!(
        twice.is_empty(),
        "ask for these features in the dependencies of tests/Cargo.toml, or for less in the tests:\n{}",
        twice.join("\n")
    );
}

#[test]
fn a_feature_that_only_tests_ask_for_is_found() {
    let build = read_features("tokio v1.0.0\trt,time\nbytes v1.0.0\tstd (*)\n");
    let test = read_features("tokio v1.0.0\trt,test-util,time\nbytes v1.0.0\tstd\nproptest v1.0.0\tstd\n");
    assert_eq!(compiled_twice(&build, &build), Vec::<String>::new());
    let found = compiled_twice(&build, &test);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found.concat().starts_with("tokio v1.0.0 is built with"), "{found:?}");
}
