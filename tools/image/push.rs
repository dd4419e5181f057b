//! Pushes a layout by the OCI distribution specification, over plain HTTP: for a registry inside the cluster or on this
//! machine. For others there are skopeo, crane and oras, which know how to log in.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ureq::Agent;
use ureq::Body;
use ureq::http::Response;

use super::layout;
use super::pack::{self, MANIFEST_TYPE};

struct Target<'a> {
    agent: Agent,
    registry: &'a str,
    repository: &'a str,
}

/// Pushes the image of the layout; gives its digest as the registry told it.
pub(crate) fn push(folder: &Path, address: &str) -> anyhow::Result<String> {
    let right = "write http://HOST:PORT/REPOSITORY:TAG";
    let rest = address.strip_prefix("http://").with_context(|| {
        format!("`{address}` is not usable: {right}; for a registry with TLS, `skopeo copy oci:FOLDER:TAG docker://...`")
    })?;
    let (registry, name) = rest.split_once('/').with_context(|| format!("`{address}`: {right}"))?;
    let (repository, tag) = name.rsplit_once(':').with_context(|| format!("`{address}`: {right}"))?;
    let image = layout::read(folder)?;
    let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let target = Target { agent, registry, repository };
    target.upload(&image.config)?;
    target.upload(&image.layer)?;
    target.publish(&image.manifest, tag)?;
    Ok(image.digest())
}

impl Target<'_> {
    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{}/{path}", self.registry, self.repository)
    }

    /// Uploads one blob, unless the registry has it.
    fn upload(&self, content: &[u8]) -> anyhow::Result<()> {
        let digest = pack::digest(content);
        let there = self.agent.head(self.url(&format!("blobs/{digest}"))).call()?;
        if there.status().as_u16() == 200 {
            return Ok(());
        }
        let begun = self.agent.post(self.url("blobs/uploads/")).send_empty()?;
        let place = expect(begun, 202, "to begin an upload")?;
        let place = place.headers().get("location").and_then(|value| value.to_str().ok());
        let place = place.context("the registry names no place for an upload")?;
        let place = if place.starts_with('/') {
            format!("http://{}{place}", self.registry)
        } else {
            place.to_owned()
        };
        ensure!(
            place.starts_with("http://"),
            "the registry wants the upload at {place}, which is not plain HTTP"
        );
        let joint = if place.contains('?') { '&' } else { '?' };
        let request = self.agent.put(format!("{place}{joint}digest={digest}"));
        let stored = request.content_type("application/octet-stream").send(content)?;
        expect(stored, 201, "to take a blob").map(drop)
    }

    fn publish(&self, manifest: &[u8], tag: &str) -> anyhow::Result<()> {
        let request = self.agent.put(self.url(&format!("manifests/{tag}")));
        let stored =
            expect(request.content_type(MANIFEST_TYPE).send(manifest)?, 201, "to take the manifest")?;
        let told = stored.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        match told {
            Some(told) if told != pack::digest(manifest) => {
                bail!("the registry stored {told}, which is another image")
            }
            _ => Ok(()),
        }
    }
}

fn expect(mut answer: Response<Body>, status: u16, what: &str) -> anyhow::Result<Response<Body>> {
    if answer.status().as_u16() != status {
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        bail!("the registry refuses {what}: status {}: {}", answer.status(), body.trim());
    }
    Ok(answer)
}
