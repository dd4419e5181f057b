//! Dockerfiles, held against the tree, and built as far as nothing has to be pulled: stages that begin with `scratch`.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::run_directory::RunDirectory;
use serde_json::{Value, json};

use crate::image;
use crate::objects::Rendered;
use crate::programs::MODULE_IN_IMAGE;

const USER: &str = "65532:65532";

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
    Ok(())
}

/// By Debian's buildah, without an engine and without privileges of its own: the filter's image as a whole, the last stage of
/// the collector's with what was built here in the place of the stages that need images of others.
pub(crate) fn images_are_built(rendered: &mut Rendered) -> Result<()> {
    let builder = Builder::new(&rendered.run)?;
    let module = fs::read(artefacts::module()?)?;
    let context = rendered.run.join("filter-context");
    fs::create_dir_all(&context)?;
    fs::write(context.join("throughline_filter.wasm"), &module)?;
    let filter = artefacts::root().join("k8s/images/filter.Dockerfile");
    let built = builder.build(&filter, &context, None, "filter")?;
    let layer = built.layers.last().context("a layer")?;
    ensure!(
        built.types.last().map(String::as_str) == Some(image::LAYER_TYPE),
        "Istio rejects {:?}",
        built.types
    );
    ensure!(image::unpack(layer)? == module, "another module is in the image");

    let stage = rendered.run.join("build-stage");
    let (program, beside) = (stage.join("image/throughline"), stage.join(format!("image{MODULE_IN_IMAGE}")));
    fs::create_dir_all(beside.parent().context("a folder")?)?;
    fs::create_dir_all(stage.join("image/data"))?;
    fs::copy(artefacts::collector()?, &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    fs::write(&beside, &module)?;
    let whole = fs::read_to_string(artefacts::root().join("k8s/images/collector.Dockerfile"))?;
    let last = whole.rfind("\nFROM ").and_then(|place| whole.get(place + 1..)).context("a last stage")?;
    let file = rendered.run.join("last-stage.Dockerfile");
    fs::write(&file, last)?;
    let built = builder.build(&file, &stage, Some(&stage), "collector")?;
    let config = &built.config["config"];
    ensure!(config["User"] == USER && config["Entrypoint"] == json!(["/throughline"]), "{config}");
    check_files(&built.layers)?;
    takes_command(config)?;
    println!(
        "  filter.Dockerfile built; the last stage of collector.Dockerfile built on this machine's binary"
    );
    println!("  DID NOT RUN: the stages before it, whose images of Node.js and Rust would have to be pulled");
    Ok(())
}

/// The program runs, and the user of the image owns the folder for data.
fn check_files(layers: &[Vec<u8>]) -> Result<()> {
    let mut archive = Vec::new();
    for layer in layers {
        let mut one = Vec::new();
        flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut one)?;
        for entry in tar::Archive::new(one.as_slice()).entries()? {
            let entry = entry?;
            let (header, path) = (entry.header(), entry.path()?.display().to_string());
            archive.push((path.trim_end_matches('/').to_owned(), header.mode()? & 0o777, header.uid()?));
        }
    }
    for (path, mode) in
        [("throughline", 0o755), ("data", 0o755), (MODULE_IN_IMAGE.trim_start_matches('/'), 0o644)]
    {
        let found = archive.iter().find(|(one, ..)| one == path);
        let (_, found_mode, owner) =
            found.with_context(|| format!("the image has no {path}: {archive:?}"))?;
        ensure!((*found_mode, *owner) == (mode, 65532), "{path} has mode {found_mode:o} and owner {owner}");
    }
    Ok(())
}

/// The command of the image is one that the collector takes, but for the listeners, which are others' here.
fn takes_command(config: &Value) -> Result<()> {
    let words = config["Cmd"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<&str> = words.collect();
    ensure!(words.first() == Some(&"serve"), "{words:?}");
    // A wrong flag is told before the help is shown.
    let output = Command::new(artefacts::collector()?).args(&words).arg("--no-such-flag").output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(told.contains("--no-such-flag"), "of {words:?} something else is wrong: {told}");
    Ok(())
}

/// buildah with a store of its own.
struct Builder {
    folder: PathBuf,
}

/// An image as it would be pushed.
struct Built {
    types: Vec<String>,
    layers: Vec<Vec<u8>>,
    config: Value,
}

impl Builder {
    fn new(run: &RunDirectory) -> Result<Self> {
        let folder = run.join("buildah");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs", "--root"]).arg(self.folder.join("root"));
        command.arg("--runroot").arg(self.folder.join("run")).args(words);
        let output = command.output().context("Debian's buildah is needed: apt-get install buildah")?;
        ensure!(output.status.success(), "buildah {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn build(&self, file: &Path, context: &Path, stage: Option<&Path>, name: &str) -> Result<Built> {
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is not UTF-8");
        let (file, context) = (text(file)?, text(context)?);
        let stage = stage.map(text).transpose()?.map(|stage| format!("build={stage}"));
        let mut words = vec!["bud", "--isolation", "chroot", "--quiet", "--file", &file, "--tag", name];
        if let Some(stage) = &stage {
            words.extend(["--build-context", stage]);
        }
        words.push(&context);
        self.run(&words)?;
        let layout = self.folder.join(format!("{name}-image"));
        self.run(&["push", "--quiet", name, &format!("oci:{}:test", text(&layout)?)])?;
        Built::read(&layout)
    }
}

impl Built {
    fn read(layout: &Path) -> Result<Self> {
        let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
        let blob = |digest: &Value| {
            let digest =
                digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).context("a digest")?;
            fs::read(layout.join("blobs/sha256").join(digest)).with_context(|| digest.to_owned())
        };
        let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0]["digest"])?)?;
        let layers = manifest["layers"].as_array().context("layers")?;
        let types = layers.iter().map(|layer| layer["mediaType"].as_str().unwrap_or_default().to_owned());
        Ok(Self {
            types: types.collect(),
            layers: layers.iter().map(|layer| blob(&layer["digest"])).collect::<Result<_>>()?,
            config: serde_json::from_slice(&blob(&manifest["config"]["digest"])?)?,
        })
    }
}
