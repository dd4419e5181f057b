//! The filter's image in a real registry: pushed there, pulled as Istio's agent does it, and the same module comes back.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::http::{Answer, Client};
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use serde_json::Value;

use crate::objects::{Rendered, render};

const READY_DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const REPOSITORY: &str = "throughline/filter";
pub(crate) const TAG: &str = "0.1.0-test";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) fn image_is_deterministic(rendered: &mut Rendered) -> Result<()> {
    let reference = format!("registry.example/{REPOSITORY}:{TAG}");
    let first = pack(&rendered.run.join("image-1"), &reference)?;
    let second = pack(&rendered.run.join("image-2"), &reference)?;
    println!("  {first}\n  {second}");
    ensure!(first == second, "the same module gave two digests");
    Ok(())
}

pub(crate) fn registry_gives_the_module_back(rendered: &mut Rendered) -> Result<()> {
    let (registry, port) = start_registry(&rendered.run)?;
    let layout = rendered.run.join("image-1");
    let reference = format!("127.0.0.1:{port}/{REPOSITORY}:{TAG}");
    let digest = pack(&layout, &reference)?;
    // Twice: what is there already is not sent again.
    for _ in 0..2 {
        let pushed = image(&["push", text_of(&layout)?, &format!("http://{reference}")])?;
        ensure!(pushed.contains(&digest), "{pushed}");
    }
    let client = Client::new();
    let url = |path: &str| format!("http://127.0.0.1:{port}/v2/{REPOSITORY}/{path}");
    let manifest = pull(&client, &url(&format!("manifests/{TAG}")))?;
    let told = manifest.headers.get("docker-content-digest").context("the registry tells a digest")?;
    ensure!(told.to_str()? == digest, "the registry has {told:?}, pushed was {digest}");
    ensure!(
        manifest.headers.get("content-type").is_some_and(|kind| kind == MANIFEST_TYPE),
        "another manifest"
    );
    let manifest: Value = manifest.json()?;
    let layers = manifest["layers"].as_array().context("layers")?;
    ensure!(layers.len() == 1, "Istio takes the last of {} layers", layers.len());
    ensure!(layers[0]["mediaType"] == LAYER_TYPE, "Istio rejects a layer of type {}", layers[0]["mediaType"]);
    let variant = &manifest["annotations"]["module.wasm.image/variant"];
    ensure!(variant == "compat", "the variant is {variant}");
    let layer = pull(&client, &url(&format!("blobs/{}", layers[0]["digest"].as_str().context("digest")?)))?;
    let module = unpack(&layer.body)?;
    ensure!(module == std::fs::read(artefacts::module()?)?, "another module came back");
    println!(
        "  {digest}: {} bytes pushed, pulled and unpacked to the module's {}",
        layer.body.len(),
        module.len()
    );
    drop(registry);
    Ok(())
}

/// The components beside the layout set place and checksum in whatever brings the filter.
pub(crate) fn pins_are_applied(rendered: &mut Rendered) -> Result<()> {
    let reference = format!("registry.example/{REPOSITORY}:{TAG}");
    let digest = pack(&rendered.run.join("image-1"), &reference)?;
    let module = text_of(&artefacts::module()?)?.to_owned();
    let sums = Command::new("sha256sum").arg(&module).output()?;
    let sum = String::from_utf8(sums.stdout)?.split_whitespace().next().context("a checksum")?.to_owned();
    for (component, pointer) in
        [("", "/spec"), ("traffic-extension", "/spec/wasm"), ("envoy-gateway", "/spec/wasm/0/code/image")]
    {
        let objects = pinned(rendered, component, "pin")?;
        let brought = objects.iter().filter_map(|object| object.pointer(pointer)?.get("sha256"));
        let pins: Vec<&Value> = brought.collect();
        ensure!(
            pins.len() == 1 && digest.ends_with(pins[0].as_str().unwrap_or("?")),
            "{component}: {pins:?}"
        );
    }
    for (component, pointer) in
        [("", "/spec"), ("traffic-extension", "/spec/wasm"), ("envoy-gateway", "/spec/wasm/0/code/http")]
    {
        let objects = pinned_after(rendered, &[component, "serve-module"], "pin-http")?;
        let codes: Vec<&Value> = objects.iter().filter_map(|object| object.pointer(pointer)).collect();
        let mut brought = codes.iter().filter(|code| code.get("sha256").is_some());
        let code = brought.next().with_context(|| format!("{component}: nothing is pinned"))?;
        ensure!(code["sha256"] == sum, "{component}: {} is not {sum}", code["sha256"]);
        ensure!(code["url"].as_str().is_some_and(|url| url.ends_with("/filter.wasm")), "{component}: {code}");
        ensure!(brought.next().is_none(), "{component}: two are pinned");
    }
    Ok(())
}

fn pinned(rendered: &Rendered, component: &str, pin: &str) -> Result<Vec<Value>> {
    pinned_after(rendered, &[component], pin)
}

/// The base with components and a pin; an empty name is none.
fn pinned_after(rendered: &Rendered, components: &[&str], pin: &str) -> Result<Vec<Value>> {
    let folder = rendered.run.join(format!("k8s/alone/{}-{pin}", components.join("-")));
    std::fs::create_dir_all(&folder)?;
    let named = components.iter().filter(|name| !name.is_empty());
    let before: String = named.map(|name| format!("  - ../../components/{name}\n")).collect();
    let text = format!("resources:\n  - ../../base\ncomponents:\n{before}  - ../../../image-1/{pin}\n");
    std::fs::write(folder.join("kustomization.yaml"), text)?;
    render(&folder)
}

/// Packs the module that ships; gives the digest.
pub(crate) fn pack(folder: &Path, reference: &str) -> Result<String> {
    let module = artefacts::module()?;
    let output = image(&["pack", text_of(&module)?, text_of(folder)?, reference])?;
    let digest =
        output.lines().find_map(|line| line.strip_prefix("digest")).context("no digest is printed")?;
    Ok(digest.trim().to_owned())
}

fn image(words: &[&str]) -> Result<String> {
    let output = Command::new(artefacts::image()?).args(words).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

fn pull(client: &Client, url: &str) -> Result<Answer> {
    let answer = client.request("GET", url, &[("accept", MANIFEST_TYPE)], &[])?;
    ensure!(answer.status == 200, "{url}: status {}", answer.status);
    Ok(answer)
}

/// As Istio's agent does: gunzip, then the file whose base name is `plugin.wasm`.
pub(crate) fn unpack(layer: &[u8]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(layer).read_to_end(&mut archive).context("the layer is not gzip")?;
    for entry in tar::Archive::new(archive.as_slice()).entries()? {
        let mut entry = entry?;
        if entry.path()?.file_name().is_some_and(|name| name == "plugin.wasm") {
            let mut module = Vec::new();
            entry.read_to_end(&mut module)?;
            return Ok(module);
        }
    }
    anyhow::bail!("the layer holds no plugin.wasm")
}

fn start_registry(run: &RunDirectory) -> Result<(Process, u16)> {
    let port = free_port()?;
    let file = run.join("registry.yml");
    let storage: PathBuf = run.join("registry");
    let config = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \
         \"127.0.0.1:{port}\"}}\n",
        storage.display()
    );
    std::fs::write(&file, config)?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&file);
    let process = Process::start("docker-registry", command, &run.log("docker-registry"));
    let mut process =
        process.context("Debian's docker-registry is needed: apt-get install docker-registry")?;
    let (client, url) = (Client::new(), format!("http://127.0.0.1:{port}/v2/"));
    process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
    Ok((process, port))
}
