//! Finds what a mesh is made of: our binaries and module, Envoy, and the files in the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The collector's binary: `THROUGHLINE_BIN`, else the release build.
pub fn collector() -> Result<PathBuf> {
    find("THROUGHLINE_BIN", &target().join("release/throughline"), "make build")
}

/// The shop's binary: `SHOP_BIN`, else the release build.
pub fn shop() -> Result<PathBuf> {
    find("SHOP_BIN", &target().join("release/shop"), "make build")
}

/// The filter's module: `FILTER_WASM`, else the build for the proxy.
pub fn module() -> Result<PathBuf> {
    find("FILTER_WASM", &target().join("throughline_filter.wasm"), "make module")
}

/// The Envoy binary itself: `ENVOY_BIN`, else the one of the local virtual environment.
pub fn envoy() -> Result<PathBuf> {
    let found = find("ENVOY_BIN", &root().join(".tools/envoy/bin/envoy"), "make tools")?;
    Ok(behind_script(&found).unwrap_or(found))
}

/// The binary that a Python entry script would replace itself with; started directly, it costs no interpreter.
fn behind_script(script: &Path) -> Option<PathBuf> {
    let environment = script.parent()?.parent()?;
    let libraries = std::fs::read_dir(environment.join("lib")).ok()?;
    let binaries = libraries.flatten().map(|entry| entry.path().join("site-packages/envoy/_bin/envoy"));
    binaries.into_iter().find(|binary| binary.is_file())
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn find(variable: &str, default: &Path, remedy: &str) -> Result<PathBuf> {
    let chosen = std::env::var_os(variable).filter(|value| !value.is_empty());
    let path = chosen.map_or_else(|| default.to_owned(), PathBuf::from);
    if !path.is_file() {
        bail!("{} is not there; run `{remedy}`, or set {variable}", path.display());
    }
    path.canonicalize().with_context(|| path.display().to_string())
}
