//! Components of kustomize that tie the manifests to one build of the module, by its place and its checksum.

/// For an image in a registry: Istio checks the digest of its manifest.
pub(crate) fn for_registry(reference: &str, digest: &str) -> String {
    let sha256 = digest.trim_start_matches("sha256:");
    let istio = |base: &str| {
        operation(&format!("{base}/url"), &format!("oci://{reference}"))
            + &operation(&format!("{base}/sha256"), sha256)
    };
    let gateway = operation("/spec/wasm/0/code/image/url", reference)
        + &operation("/spec/wasm/0/code/image/sha256", sha256);
    component("The filter's image, by its digest.", &istio("/spec"), &istio("/spec/wasm"), &gateway)
}

/// For a module that the collector serves: Istio checks the file.
pub(crate) fn for_collector(sha256: &str) -> String {
    let checksum = |base: &str| operation(&format!("{base}/sha256"), sha256);
    component(
        "The module that the collector serves, by its checksum.",
        &checksum("/spec"),
        &checksum("/spec/wasm"),
        &checksum("/spec/wasm/0/code/http"),
    )
}

fn component(what: &str, plugin: &str, extension: &str, policy: &str) -> String {
    let mut text = format!(
        "# {what} Made by `make image`; list it last among the components of an overlay.\napiVersion: \
         kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
    );
    let group = "extensions.istio.io";
    text += &patch(group, "WasmPlugin", plugin);
    text += &patch(group, "TrafficExtension", extension);
    text += &patch("gateway.envoyproxy.io", "EnvoyExtensionPolicy", policy);
    text
}

fn patch(group: &str, kind: &str, operations: &str) -> String {
    format!("  - target:\n      group: {group}\n      kind: {kind}\n    patch: |\n{operations}")
}

fn operation(path: &str, value: &str) -> String {
    format!("      - op: add\n        path: {path}\n        value: {value}\n")
}
