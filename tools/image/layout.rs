//! An image as a folder: the OCI image layout, which skopeo, crane, oras and podman copy from.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::pack::{self, Image, MANIFEST_TYPE, descriptor};

/// Writes the layout; what lay in the folder's blobs before stays.
pub(crate) fn write(image: &Image, reference: &str, folder: &Path) -> anyhow::Result<()> {
    let Some((_, tag)) = reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/') && !tag.is_empty())
    else {
        bail!("`{reference}` names no version; write REGISTRY/REPOSITORY:TAG, and another tag than latest");
    };
    if tag == "latest" {
        bail!("the tag of `{reference}` moves; name a version");
    }
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).with_context(|| format!("cannot make {}", blobs.display()))?;
    for content in [&image.layer, &image.config, &image.manifest] {
        std::fs::write(blobs.join(pack::hexadecimal(content)), content)?;
    }
    let mut entry = descriptor(MANIFEST_TYPE, &image.manifest);
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("annotations".to_owned(), json!({"org.opencontainers.image.ref.name": tag}));
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    std::fs::write(folder.join("index.json"), serde_json::to_vec(&index)?)?;
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

/// Reads the one image of a layout back.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Image> {
    let index = std::fs::read(folder.join("index.json"))
        .with_context(|| format!("{} is no OCI layout: run `image pack` first", folder.display()))?;
    let index: Value = serde_json::from_slice(&index)?;
    let manifest = blob(folder, index.pointer("/manifests/0"))?;
    let parsed: Value = serde_json::from_slice(&manifest)?;
    let (config, layer) = (blob(folder, parsed.get("config"))?, blob(folder, parsed.pointer("/layers/0"))?);
    Ok(Image { layer, config, manifest })
}

/// The content that a descriptor speaks of, checked by its digest.
fn blob(folder: &Path, descriptor: Option<&Value>) -> anyhow::Result<Vec<u8>> {
    let digest = descriptor.and_then(|one| one.get("digest")).and_then(Value::as_str).context("no digest")?;
    let name = digest.strip_prefix("sha256:").context("an unknown kind of digest")?;
    let content = std::fs::read(folder.join("blobs/sha256").join(name)).with_context(|| digest.to_owned())?;
    if pack::digest(&content) != digest {
        bail!("{digest} holds something else: pack it anew");
    }
    Ok(content)
}
