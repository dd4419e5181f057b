//! Dockerfiles, held against the tree, and built as far as nothing has to be pulled: what the stages run on images of others is run
//! here, and the stages that begin with `scratch` are built on what came of it.

mod builder;
mod started;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use serde_json::{Value, json};

use crate::image;
use crate::objects::Rendered;
use crate::programs::MODULE_IN_IMAGE;
use builder::{Builder, Built, Entry};

const USER: u64 = 65532;
const PROGRAM: &str = "throughline";
/// More than the program, the module and their folders would be something that nobody runs.
const MOST_BYTES: usize = 64 * 1024 * 1024;

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
    ensure!(user == format!("{USER}:{USER}"), "the user `{user}` is not the one of the manifests");
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
    let makefile = fs::read_to_string(artefacts::root().join("Makefile"))?;
    let command = of_word(&collector, "RUN").find(|run| run.starts_with("cargo")).context("cargo runs")?;
    ensure!(makefile.contains(command), "`make static` builds with something else than `{command}`");
    let filter = steps("filter.Dockerfile")?;
    let copies: Vec<&str> = of_word(&filter, "COPY").collect();
    ensure!(copies == ["throughline_filter.wasm /plugin.wasm"], "Istio finds no plugin.wasm: {copies:?}");
    Ok(())
}

/// The filter's image as a whole; of the collector's the last stage, on the program that `make static` builds as the stage before
/// does, put together by that stage's own words.
pub(crate) fn images_are_built(rendered: &mut Rendered) -> Result<()> {
    let builder = Builder::new(&rendered.run)?;
    let module = fs::read(artefacts::module()?)?;
    let context = rendered.run.join("filter-context");
    fs::create_dir_all(&context)?;
    fs::write(context.join("throughline_filter.wasm"), &module)?;
    let filter = artefacts::root().join("k8s/images/filter.Dockerfile");
    let built = builder.build(&filter, &context, None, "filter")?;
    let layer = built.layers.last().context("a layer")?;
    let kind = built.types.last().map(String::as_str);
    ensure!(kind == Some(image::LAYER_TYPE), "Istio rejects {kind:?}");
    ensure!(image::unpack(layer)? == module, "another module is in the image");
    println!("  filter.Dockerfile: built, and Istio's way of unpacking finds the module");

    is_static(&artefacts::static_collector()?)?;
    let stage = build_stage(&rendered.run.join("build-stage"))?;
    let whole = fs::read_to_string(artefacts::root().join("k8s/images/collector.Dockerfile"))?;
    let last = whole.rfind("\nFROM ").and_then(|place| whole.get(place + 1..)).context("a last stage")?;
    let file = rendered.run.join("last-stage.Dockerfile");
    fs::write(&file, last)?;
    let built = builder.build(&file, &stage, Some(&stage), "collector")?;
    let files = check_files(&built, &module)?;
    check_command(&built.config["config"])?;
    started::alone(&files, &built.config["config"], &rendered.run)?;
    println!(
        "  DID NOT RUN: building the collector's image on those of Node.js and Rust, which would have to be pulled"
    );
    Ok(())
}

/// What `COPY . ./` brings to the build: the module that was built before, and none of what else was built or installed.
pub(crate) fn context_holds_the_module(rendered: &mut Rendered) -> Result<()> {
    let file = rendered.run.join("context.Dockerfile");
    fs::write(&file, "FROM scratch\nCOPY . /\n")?;
    let root = artefacts::root();
    let files = Builder::new(&rendered.run)?.build(&file, &root, None, "context")?.files()?;
    let module = files.get("target/throughline_filter.wasm").context("the module is not there")?;
    ensure!(module.content == fs::read(artefacts::module()?)?, "another module is there");
    let is_spare = |path: &&String| {
        path.starts_with(".tools/") || path.contains("node_modules/") || path.starts_with("target/release")
    };
    let spare = files.keys().find(is_spare);
    ensure!(spare.is_none(), "{spare:?} is sent to the build");
    for needed in ["Cargo.lock", "collector/ui/package-lock.json", "collector/src/main.rs"] {
        ensure!(files.contains_key(needed), "{needed} is not sent to the build");
    }
    println!("  {} files and folders are sent", files.len());
    Ok(())
}

/// Nothing has to be loaded beside it, and nothing loads it.
fn is_static(program: &Path) -> Result<()> {
    let output =
        Command::new("readelf").args(["--program-headers", "--dynamic", "--wide"]).arg(program).output();
    let output = output.context("binutils are needed: apt-get install build-essential")?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && told.contains("LOAD"), "readelf cannot read {}", program.display());
    for sign in ["INTERP", "(NEEDED)"] {
        ensure!(!told.contains(sign), "{} is not static: {sign}", program.display());
    }
    println!("  the collector: {} bytes, no loader and no library", fs::metadata(program)?.len());
    Ok(())
}

/// What the stage `build` leaves behind, by the words of its last step.
fn build_stage(folder: &Path) -> Result<PathBuf> {
    let release = folder.join("target/release");
    fs::create_dir_all(&release)?;
    fs::copy(artefacts::static_collector()?, release.join(PROGRAM))?;
    fs::copy(artefacts::module()?, folder.join("target/throughline_filter.wasm"))?;
    let steps = steps("collector.Dockerfile")?;
    let last = of_word(&steps, "RUN").last().context("a last step")?;
    let words = last.replace(" /image", &format!(" {}/image", folder.display()));
    let output = Command::new("sh").args(["-ec", &words]).current_dir(folder).output()?;
    ensure!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(folder.to_owned())
}

/// The program, the module, and the folder for data, all of the user of the image; nothing else.
fn check_files(built: &Built, module: &[u8]) -> Result<BTreeMap<String, Entry>> {
    let files = built.files()?;
    let module_path = MODULE_IN_IMAGE.trim_start_matches('/');
    for (path, mode) in [(PROGRAM, 0o755), ("data", 0o755), (module_path, 0o644)] {
        let found = files.get(path).with_context(|| format!("the image has no {path}"))?;
        let (found_mode, owner) = (found.mode, found.owner);
        ensure!((found_mode, owner) == (mode, USER), "{path} has mode {found_mode:o} and owner {owner}");
    }
    let contents: Vec<&String> =
        files.iter().filter(|(_, one)| !one.is_folder).map(|(path, _)| path).collect();
    ensure!(contents == [PROGRAM, module_path], "the image holds {contents:?}");
    ensure!(files.get(module_path).is_some_and(|one| one.content == module), "another module is in it");
    let (bytes, packed) = (
        files.values().map(|one| one.content.len()).sum::<usize>(),
        built.layers.iter().map(Vec::len).sum::<usize>(),
    );
    ensure!(bytes < MOST_BYTES, "the image has {bytes} bytes");
    println!("  collector.Dockerfile, last stage: {bytes} bytes in 2 files, {packed} to pull");
    Ok(files)
}

/// The command of the image is one that the collector takes.
fn check_command(config: &Value) -> Result<()> {
    ensure!(config["User"] == format!("{USER}:{USER}"), "{config}");
    ensure!(config["Entrypoint"] == json!([format!("/{PROGRAM}")]), "{config}");
    let words = config["Cmd"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<&str> = words.collect();
    ensure!(words.first() == Some(&"serve"), "{words:?}");
    // A wrong flag is told before the help is shown.
    let output = Command::new(artefacts::static_collector()?).args(&words).arg("--no-such-flag").output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(told.contains("--no-such-flag"), "of {words:?} something else is wrong: {told}");
    Ok(())
}
