//! The bytes of the image: layer, configuration and manifest, free of times, owners and names of this machine.

use std::io::Write as _;

use anyhow::{Context as _, ensure};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The only name that Istio looks for.
pub(crate) const FILE_NAME: &str = "plugin.wasm";
const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");
/// What every WebAssembly module begins with.
const MAGIC: &[u8] = b"\0asm";
/// Istio's agent takes no larger one.
const MAX_MODULE_BYTES: usize = 256 * 1024 * 1024;
/// gzip's number for an unknown system: the same wherever the image is made.
const UNKNOWN_SYSTEM: u8 = 255;

/// An image as it lies in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    /// What Istio checks the image by.
    pub(crate) fn digest(&self) -> String {
        digest(&self.manifest)
    }
}

/// Packs a module.
pub(crate) fn image(module: &[u8]) -> anyhow::Result<Image> {
    ensure!(module.starts_with(MAGIC), "this is no WebAssembly module: pack what `make module` makes");
    ensure!(
        module.len() <= MAX_MODULE_BYTES,
        "the module has {} bytes, at most {MAX_MODULE_BYTES} are taken",
        module.len()
    );
    let archive = archive(module)?;
    let layer = compress(&archive)?;
    let config = json!({
        // Nothing in it runs anywhere, but registries and engines want to know.
        "architecture": "wasm",
        "os": "wasip1",
        "rootfs": {"type": "layers", "diff_ids": [digest(&archive)]},
    });
    let config = serde_json::to_vec(&config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, &config),
        "layers": [descriptor(LAYER_TYPE, &layer)],
        "annotations": {
            (VARIANT.0): VARIANT.1,
            "org.opencontainers.image.title": "throughline filter",
            "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    });
    Ok(Image { layer, config, manifest: serde_json::to_vec(&manifest)? })
}

fn archive(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_path(FILE_NAME)?;
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, module)?;
    archive.into_inner().context("the archive")
}

fn compress(archive: &[u8]) -> anyhow::Result<Vec<u8>> {
    let builder = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(archive)?;
    encoder.finish().context("the layer")
}

/// How one content speaks of another.
pub(crate) fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

/// The digest by which registries know a content.
pub(crate) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(content))
}

/// SHA-256 as 64 lower-case digits.
pub(crate) fn hexadecimal(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
