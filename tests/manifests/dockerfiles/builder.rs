//! Debian's buildah, which needs no engine, and what it makes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::run_directory::RunDirectory;
use serde_json::Value;

/// One file or folder of an image.
pub(super) struct Entry {
    pub(super) mode: u32,
    pub(super) owner: u64,
    pub(super) is_folder: bool,
    pub(super) content: Vec<u8>,
}

/// buildah with a store of its own.
pub(super) struct Builder {
    folder: PathBuf,
}

/// An image as it would be pushed.
pub(super) struct Built {
    pub(super) types: Vec<String>,
    pub(super) layers: Vec<Vec<u8>>,
    pub(super) config: Value,
}

impl Builder {
    pub(super) fn new(run: &RunDirectory) -> Result<Self> {
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

    /// Builds a Dockerfile; `stage` is a folder in the place of the stage `build`.
    pub(super) fn build(
        &self,
        file: &Path,
        context: &Path,
        stage: Option<&Path>,
        name: &str,
    ) -> Result<Built> {
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
    /// What is in it: paths, and of each its mode, its owner and its content.
    pub(super) fn files(&self) -> Result<BTreeMap<String, Entry>> {
        let mut files = BTreeMap::new();
        for layer in &self.layers {
            let mut archive = Vec::new();
            flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut archive)?;
            for entry in tar::Archive::new(archive.as_slice()).entries()? {
                let mut entry = entry?;
                let path = entry.path()?.display().to_string().trim_end_matches('/').to_owned();
                let (mode, owner) = (entry.header().mode()? & 0o777, entry.header().uid()?);
                let is_folder = entry.header().entry_type().is_dir();
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                files.insert(path, Entry { mode, owner, is_folder, content });
            }
        }
        Ok(files)
    }

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
