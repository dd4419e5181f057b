//! What k8s/README.md tells people to write and to run, done as far as that needs no cluster.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use serde_json::{Value, json};

use crate::image::{REPOSITORY, TAG, pack};
use crate::objects::{Rendered, copy_folder, describe, kind, name, render};
use crate::rules::faults;

fn readme() -> Result<String> {
    std::fs::read_to_string(artefacts::root().join("k8s/README.md")).context("k8s/README.md")
}

/// Objects of Istio that are told of besides: the blocks after the first, which is the overlay.
pub(crate) fn objects_of_the_readme() -> Result<Vec<Value>> {
    let readme = readme()?;
    let blocks = readme.split("```yaml\n").skip(2).filter_map(|rest| rest.split("```").next());
    let objects = blocks.map(|block| serde_saphyr::from_str(block).context("a block of k8s/README.md"));
    objects.collect()
}

/// An overlay as k8s/README.md tells to write it, beside a copy of this repository's manifests and of the pin.
pub(crate) fn overlay_of_the_readme(rendered: &mut Rendered) -> Result<()> {
    let layout = rendered.run.join("image-1");
    let digest = pack(&layout, &format!("registry.example/{REPOSITORY}:{TAG}"))?;
    let readme = readme()?;
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let overlay = block.context("k8s/README.md shows an overlay")?;
    let folder = rendered.run.join("my-overlay");
    copy_folder(&layout.join("pin"), &folder.join("pin"))?;
    copy_folder(&artefacts::root().join("k8s"), &folder.join("throughline/k8s"))?;
    std::fs::write(folder.join("kustomization.yaml"), overlay)?;
    let objects = render(&folder)?;
    let found = faults(&objects);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    for plugin in objects.iter().filter(|object| kind(object) == "WasmPlugin") {
        let sum = plugin["spec"]["sha256"].as_str().unwrap_or_default();
        ensure!(digest.strip_prefix("sha256:") == Some(sum), "{} is not pinned: `{sum}`", name(plugin));
    }
    let collector = objects.iter().find(|object| kind(object) == "StatefulSet").context("a collector")?;
    let image = &collector["spec"]["template"]["spec"]["containers"][0]["image"];
    ensure!(image.as_str().is_some_and(|image| image.contains("@sha256:")), "{image} is no digest");
    println!("  {} objects, the plugin pinned to {digest}, the collector with {image}", objects.len());
    Ok(())
}

/// `kubectl patch` changes what it is told to change, and nothing else.
pub(crate) fn patches_of_the_readme(rendered: &mut Rendered) -> Result<()> {
    let readme = readme()?;
    let commands: Vec<&str> =
        readme.split("kubectl ").filter(|command| command.contains(" patch ")).collect();
    let mut done = Vec::new();
    for command in commands {
        let (words, rest) = command.split_once(" -p '").context("a patch")?;
        let patch = rest.split('\'').next().context("the end of the patch")?;
        let words: Vec<&str> = words.split_whitespace().collect();
        let ["-n", place, "patch", wanted, named, ref flags @ ..] = words[..] else {
            anyhow::bail!("`kubectl {}` is written in another way than this test knows", words.join(" "))
        };
        let before = object_of(rendered, place, wanted, named)?;
        let after = patched(&before, flags, patch)?;
        let given: Value = serde_json::from_str(patch)?;
        ensure!(after != before, "{patch} changes nothing in {}", describe(&before));
        ensure!(after == merged(&before, &given), "{patch} makes of {} this: {after}", describe(&before));
        done.push(format!("  {} {place}/{named}: {patch}", kind(&before)));
    }
    done.iter().for_each(|line| println!("{line}"));
    ensure!(done.len() == 5, "{} patches are told of", done.len());
    Ok(())
}

/// What is applied by our manifests, else a deployment that somebody may have.
fn object_of(rendered: &Rendered, place: &str, wanted: &str, named: &str) -> Result<Value> {
    if wanted == "deployment" {
        let labels = json!({"app": named, "throughline": "disabled"});
        let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": named, "image": "a:1"}]}});
        return Ok(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": named, "namespace": place},
            "spec": {"selector": {"matchLabels": {"app": named}}, "template": pod}}));
    }
    let is_meant = |object: &&Value| {
        kind(object).eq_ignore_ascii_case(wanted)
            && name(object) == named
            && object["metadata"]["namespace"] == place
    };
    let found = rendered.objects().find(is_meant);
    Ok(found.with_context(|| format!("no manifest makes {wanted} {place}/{named}"))?.clone())
}

fn patched(object: &Value, flags: &[&str], patch: &str) -> Result<Value> {
    let mut command = Command::new(artefacts::kubernetes_tool("kubectl")?);
    command.args(["patch", "--local", "-f", "-", "-o", "json", "-p", patch]).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("its input")?.write_all(object.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{patch}: {}", String::from_utf8_lossy(&output.stderr));
    let mut after: Value = serde_json::from_slice(&output.stdout)?;
    drop_defaults(&mut after);
    Ok(after)
}

/// Fields that kubectl writes because the kind has them.
fn drop_defaults(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|key, member| {
            drop_defaults(member);
            let is_empty = member.is_null() || *member == json!({});
            !(is_empty && ["creationTimestamp", "resources", "strategy", "status"].contains(&key.as_str()))
        });
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(drop_defaults);
    }
}

/// By RFC 7396: members are replaced one by one, and null takes one away.
fn merged(before: &Value, patch: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, patch) else { return patch.clone() };
    let mut members = old.clone();
    for (key, value) in new {
        if value.is_null() {
            members.remove(key);
        } else {
            members.insert(key.clone(), merged(old.get(key).unwrap_or(&json!({})), value));
        }
    }
    Value::Object(members)
}
