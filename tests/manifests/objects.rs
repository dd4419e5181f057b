//! What kustomize makes of the manifests: overlays as users apply them, and each component on the base.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::run_directory::RunDirectory;
use harness::runner::Fixture;
use serde_json::Value;

/// Everything that users are told of; more may be there.
const OVERLAYS: [&str; 3] = ["demo", "production", "ambient"];
const COMPONENTS: [&str; 10] = [
    "traffic-extension",
    "waypoint",
    "gateway-only",
    "envoy-gateway",
    "serve-module",
    "monitoring",
    "persistence",
    "mtls",
    "object-store",
    "opt-in",
];
/// Components that change what another one brings, in the order in which they are listed.
const TOGETHER: [&[&str]; 6] = [
    &["traffic-extension", "opt-in"],
    &["traffic-extension", "gateway-only"],
    &["traffic-extension", "serve-module"],
    &["envoy-gateway", "serve-module"],
    &["waypoint", "traffic-extension", "serve-module"],
    &["persistence", "object-store", "monitoring", "mtls"],
];

/// Everything rendered, by name: `base`, `overlays/demo`, `components/waypoint`, `together/waypoint+mtls` and so on.
pub(crate) struct Rendered {
    pub(crate) run: RunDirectory,
    pub(crate) sets: BTreeMap<String, Vec<Value>>,
}

impl Fixture for Rendered {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

impl Rendered {
    /// Renders from a copy of the manifests, in which each component has an overlay of its own on the base.
    pub(crate) fn start() -> Result<Self> {
        let run = RunDirectory::create()?;
        let copy = run.join("k8s");
        copy_folder(&artefacts::root().join("k8s"), &copy)?;
        let mut folders = vec![("base".to_owned(), copy.join("base"))];
        for name in folder_names(&copy.join("overlays"))? {
            folders.push((format!("overlays/{name}"), copy.join("overlays").join(&name)));
        }
        for name in folder_names(&copy.join("components"))? {
            folders.push((format!("components/{name}"), write_overlay(&copy.join("alone"), &[&name])?));
        }
        for names in TOGETHER {
            folders.push((
                format!("together/{}", names.join("+")),
                write_overlay(&copy.join("together"), names)?,
            ));
        }
        let sets = folders.into_iter().map(|(name, folder)| {
            let objects = render(&folder).with_context(|| format!("k8s/{name}"))?;
            std::fs::write(
                run.join(format!("{}.json", name.replace('/', "-"))),
                serde_json::to_vec(&objects)?,
            )?;
            Ok((name, objects))
        });
        let sets = sets.collect::<Result<_>>()?;
        Ok(Self { run, sets })
    }

    /// All objects of all sets.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Value> {
        self.sets.values().flatten()
    }
}

/// Components on the base, in a folder of their own below this one.
fn write_overlay(below: &Path, components: &[&str]) -> Result<PathBuf> {
    let folder = below.join(components.join("+"));
    std::fs::create_dir_all(&folder)?;
    let list: String = components.iter().map(|name| format!("  - ../../components/{name}\n")).collect();
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base\ncomponents:\n{list}"
    );
    std::fs::write(folder.join("kustomization.yaml"), text)?;
    Ok(folder)
}

pub(crate) fn render(folder: &Path) -> Result<Vec<Value>> {
    let output =
        Command::new(artefacts::kubernetes_tool("kubectl")?).arg("kustomize").arg(folder).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let documents = text.split("\n---\n").map(serde_saphyr::from_str);
    documents.collect::<Result<_, _>>().context("what kustomize wrote")
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn folder_names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let folders = paths.iter().filter(|path| path.is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    ensure!(!names.is_empty(), "{} holds no folder", folder.display());
    Ok(names)
}

pub(crate) fn everything_renders(rendered: &mut Rendered) -> Result<()> {
    for (name, objects) in &rendered.sets {
        let kinds: Vec<String> = objects.iter().map(describe).collect();
        println!("  {name}: {} objects", objects.len());
        ensure!(objects.len() >= 7, "{name} renders only {kinds:?}");
    }
    let overlays = OVERLAYS.iter().map(|name| format!("overlays/{name}"));
    for expected in overlays.chain(COMPONENTS.iter().map(|name| format!("components/{name}"))) {
        ensure!(rendered.sets.contains_key(&expected), "k8s/{expected} is gone");
    }
    Ok(())
}

/// The kind and the name of an object.
pub(crate) fn describe(object: &Value) -> String {
    format!("{} {}", kind(object), name(object))
}

pub(crate) fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub(crate) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// The items of a list; none where there is no list.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The settings of the filter in an object, whatever brings them to a proxy.
pub(crate) fn plugin_configurations(object: &Value) -> Vec<&Value> {
    let spec = &object["spec"];
    let found: Vec<&Value> = match kind(object) {
        "WasmPlugin" => vec![&spec["pluginConfig"]],
        "TrafficExtension" => vec![&spec["wasm"]["pluginConfig"]],
        "EnvoyExtensionPolicy" => items(&spec["wasm"]).map(|wasm| &wasm["config"]).collect(),
        _ => Vec::new(),
    };
    found
}
