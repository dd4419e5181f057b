//! Objects held against the schemas of Kubernetes and of custom resource definitions.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::runner::did_not_run;
use serde_json::{Value, json};

use crate::objects::{Rendered, kind};
use crate::readme::objects_of_the_readme;

/// The oldest that Istio 1.28 takes, one between, and the newest that the validator knows.
const KUBERNETES_VERSIONS: [&str; 3] = ["1.31", "1.34", "1.37"];
const BUILT_IN: [&str; 7] = [
    "Namespace",
    "ConfigMap",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "PodDisruptionBudget",
    "NetworkPolicy",
];
/// Where the definitions are; they are other projects' files and not part of this one.
const DEFINITIONS: &str = "CRD_DIR";

pub(crate) fn is_built_in(object: &Value) -> bool {
    BUILT_IN.contains(&kind(object))
}

/// Each object once, however many sets hold it.
fn distinct(rendered: &Rendered, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let wanted = rendered.objects().filter(|object| is_wanted(object));
    let texts: BTreeSet<String> = wanted.map(Value::to_string).collect();
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

pub(crate) fn built_in_kinds(rendered: &mut Rendered) -> Result<()> {
    let objects = distinct(rendered, is_built_in);
    let folder = rendered.run.join("built-in");
    std::fs::create_dir_all(&folder)?;
    for version in KUBERNETES_VERSIONS {
        let output = validate(version, &folder, &objects)?;
        let passed = output.lines().filter(|line| line.contains("passed for resource")).count();
        ensure!(
            passed == objects.len(),
            "Kubernetes {version}: {passed} of {} objects passed\n{output}",
            objects.len()
        );
        println!("  Kubernetes {version}: {passed} objects passed");
    }
    let wrong =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": []}});
    let output = validate(KUBERNETES_VERSIONS[0], &folder, &[wrong])?;
    ensure!(!output.contains("passed for resource"), "a wrong field passes: {output}");
    Ok(())
}

fn validate(version: &str, folder: &std::path::Path, objects: &[Value]) -> Result<String> {
    let mut files = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let file = folder.join(format!("{number}.json"));
        std::fs::write(&file, object.to_string())?;
        files.push(file);
    }
    let mut command = Command::new(artefacts::kubernetes_tool("kubernetes-validate")?);
    let output = command.args(["-k", version, "--strict"]).args(files).output()?;
    Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// The folder of definitions: `CRD_DIR`, else the one beside the repository, if it is there.
pub(crate) fn definitions() -> Option<PathBuf> {
    let beside = artefacts::root().join("../shared/data/crds");
    let chosen = std::env::var_os(DEFINITIONS).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = chosen.unwrap_or(beside);
    folder.is_dir().then_some(folder)
}

pub(crate) fn custom_kinds(rendered: &mut Rendered) -> Result<()> {
    let Some(folder) = definitions() else {
        let reason = format!("no custom resource definitions here; set {DEFINITIONS} to a folder of them");
        return Err(did_not_run(reason));
    };
    let mut objects = distinct(rendered, |object| !is_built_in(object));
    objects.extend(objects_of_the_readme()?);
    let (is_good, output) = check(&folder, &objects)?;
    ensure!(is_good && !output.contains("no definition"), "{output}");
    println!("  {}", output.trim_end());
    let mut wrong = objects.iter().find(|object| kind(object) == "WasmPlugin").context("no plugin")?.clone();
    wrong["spec"]["url"] = json!("ftp://example.com/filter");
    wrong["spec"]["failStrategie"] = json!("FAIL_OPEN");
    let (is_good, output) = check(&folder, &[wrong])?;
    let is_found = output.contains("url must have schema") && output.contains("failStrategie");
    ensure!(!is_good && is_found, "a wrong URL and an unknown field pass: {output}");
    Ok(())
}

fn check(folder: &std::path::Path, objects: &[Value]) -> Result<(bool, String)> {
    let script = artefacts::root().join("tests/manifests/check_crds.py");
    let mut command = Command::new(artefacts::kubernetes_tool("python")?);
    command.arg(script).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("it has an input")?;
    input.write_all(serde_json::to_string(objects)?.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((output.status.success(), text))
}
