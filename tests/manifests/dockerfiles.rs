//! Dockerfiles cannot be built here, for that takes an engine and a registry; they are held against the tree instead.

use anyhow::{Context, Result, ensure};
use harness::artefacts;

use crate::objects::Rendered;
use crate::programs::MODULE_IN_IMAGE;

/// A Dockerfile as steps of a word and the rest.
fn steps(name: &str) -> Result<Vec<(String, String)>> {
    let path = artefacts::root().join("k8s/images").join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let text = text.replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let steps = lines.filter_map(|line| line.split_once(' '));
    Ok(steps.map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).collect())
}

fn of_word<'a>(steps: &'a [(String, String)], word: &'a str) -> impl Iterator<Item = &'a str> {
    steps.iter().filter(move |(one, _)| one == word).map(|(_, rest)| rest.as_str())
}

pub(crate) fn dockerfiles_fit_the_tree(_: &mut Rendered) -> Result<()> {
    let collector = steps("collector.Dockerfile")?;
    ensure!(
        of_word(&collector, "FROM").last() == Some("scratch"),
        "the collector's image holds more than it needs"
    );
    let user = of_word(&collector, "USER").last().unwrap_or_default();
    ensure!(user == "65532:65532", "the user `{user}` is not the one of the manifests");
    let is_module_there =
        of_word(&collector, "RUN").any(|run| run.contains(&format!("/image{MODULE_IN_IMAGE}")));
    ensure!(is_module_there, "the image has no module at {MODULE_IN_IMAGE}");
    for copy in of_word(&collector, "COPY").filter(|copy| !copy.starts_with("--")) {
        let source = copy.split(' ').next().unwrap_or_default();
        ensure!(artefacts::root().join(source).exists(), "COPY {source}: there is no such place");
    }
    let toolchain = std::fs::read_to_string(artefacts::root().join("rust-toolchain.toml"))?;
    let image =
        of_word(&collector, "FROM").find_map(|from| from.strip_prefix("rust:")).context("a Rust image")?;
    let version = image.split('-').next().unwrap_or_default();
    ensure!(
        toolchain.contains(&format!("\"{version}")),
        "rust:{version} is not what rust-toolchain.toml asks for"
    );
    let filter = steps("filter.Dockerfile")?;
    let copies: Vec<&str> = of_word(&filter, "COPY").collect();
    ensure!(copies == ["throughline_filter.wasm /plugin.wasm"], "Istio finds no plugin.wasm: {copies:?}");
    println!(
        "  not built, for that takes an engine: what they copy exists, user and paths are those of the manifests"
    );
    Ok(())
}
