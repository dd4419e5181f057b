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

/// The collector's binary as its image holds it: `THROUGHLINE_STATIC_BIN`, else the release build for musl.
pub fn static_collector() -> Result<PathBuf> {
    let built = format!("{}-unknown-linux-musl/release/throughline", std::env::consts::ARCH);
    find("THROUGHLINE_STATIC_BIN", &target().join(built), "make static")
}

/// The shop's binary: `SHOP_BIN`, else the release build.
pub fn shop() -> Result<PathBuf> {
    find("SHOP_BIN", &target().join("release/shop"), "make build")
}

/// The filter's module: `FILTER_WASM`, else the build for the proxy.
pub fn module() -> Result<PathBuf> {
    find("FILTER_WASM", &target().join("throughline_filter.wasm"), "make module")
}

/// The packer of the filter's image: `IMAGE_BIN`, else the release build.
pub fn image() -> Result<PathBuf> {
    find("IMAGE_BIN", &target().join("release/image"), "make build")
}

/// The Envoy binary itself: `ENVOY_BIN`, else the one of the local virtual environment.
pub fn envoy() -> Result<PathBuf> {
    let found = find("ENVOY_BIN", &root().join(".tools/envoy/bin/envoy"), "make tools")?;
    Ok(behind_script(&found).unwrap_or(found))
}

/// A tool for manifests, of the local virtual environment that `make tools` makes.
pub fn kubernetes_tool(name: &str) -> Result<PathBuf> {
    let path = root().join(".tools/kubernetes/bin").join(name);
    // Not resolved further: Python finds its environment by the name it is called by.
    if !path.is_file() {
        bail!("{} is not there; run `make tools`", path.display());
    }
    Ok(path)
}

/// Python with OpenTelemetry's SDK: `OTEL_PYTHON`, else the local virtual environment.
pub fn python_sdk() -> Result<PathBuf> {
    let chosen = std::env::var_os("OTEL_PYTHON").filter(|value| !value.is_empty());
    // The link itself, not what it leads to: by its place Python knows its environment.
    let path = chosen.map_or_else(|| root().join(".tools/opentelemetry/bin/python"), PathBuf::from);
    if !path.is_file() {
        bail!("{} is not there; run `make tools`, or set OTEL_PYTHON", path.display());
    }
    Ok(path)
}

/// The Python with the packages of `tests/requirements.txt`: `PYTHON_BIN`, else the local virtual environment.
pub fn python() -> Result<PathBuf> {
    // Not resolved: the environment is found by the path of its interpreter.
    let path = std::env::var_os("PYTHON_BIN").filter(|value| !value.is_empty());
    let path = path.map_or_else(|| root().join(".tools/python/bin/python"), PathBuf::from);
    if !path.is_file() {
        bail!("{} is not there; run `make tools`, or set PYTHON_BIN", path.display());
    }
    Ok(path)
}

/// Prometheus Alertmanager: `ALERTMANAGER_BIN`, else Debian's.
pub fn alertmanager() -> Result<PathBuf> {
    let remedy = "apt-get install prometheus-alertmanager";
    find("ALERTMANAGER_BIN", Path::new("/usr/bin/prometheus-alertmanager"), remedy)
}

/// A program that came with a package of `tests/requirements.txt`.
pub fn python_tool(name: &str) -> Result<PathBuf> {
    let path = root().join(".tools/python/bin").join(name);
    if !path.is_file() {
        bail!("{} is not there; run `make tools`", path.display());
    }
    Ok(path)
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
