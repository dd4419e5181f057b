//! Packs the filter's module as an OCI image without any container engine, and pushes it to a registry that speaks HTTP.
//!
//! The image follows the compatible variant of the specification of Wasm images (github.com/solo-io/wasm, spec-compat):
//! one gzip-compressed layer that holds `plugin.wasm`, and an annotation that says so. The same module gives the same digest.

mod layout;
mod pack;
mod pin;
mod push;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

const USAGE: &str =
    "usage: image pack MODULE FOLDER [REPOSITORY:TAG]   writes an OCI layout and components that pin it
       image push FOLDER http://HOST[:PORT]/REPOSITORY:TAG   pushes it to a registry without TLS";
/// Where manifests expect the image until somebody says where it is.
const EXAMPLE_REFERENCE: &str = concat!("registry.example/throughline/filter:", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("image: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["pack", module, folder] => pack_module(Path::new(module), Path::new(folder), EXAMPLE_REFERENCE),
        ["pack", module, folder, reference] => pack_module(Path::new(module), Path::new(folder), reference),
        ["push", folder, address] => {
            let digest = push::push(Path::new(folder), address)?;
            println!("pushed {address}@{digest}");
            Ok(())
        }
        _ => bail!("{USAGE}"),
    }
}

fn pack_module(module: &Path, folder: &Path, reference: &str) -> anyhow::Result<()> {
    let bytes = std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let image = pack::image(&bytes)?;
    layout::write(&image, reference, folder)?;
    let digest = image.digest();
    let sha256 = pack::hexadecimal(&bytes);
    let pins: [(&str, PathBuf); 2] = [("pin", folder.join("pin")), ("pin-http", folder.join("pin-http"))];
    for (name, place) in pins {
        let component = match name {
            "pin" => pin::for_registry(reference, &digest),
            _ => pin::for_collector(&sha256),
        };
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join("kustomization.yaml"), component)?;
    }
    println!("layout  {} ({} bytes of layer)", folder.display(), image.layer.len());
    println!("module  sha256:{sha256}");
    println!("image   {reference}");
    println!("digest  {digest}");
    Ok(())
}

#[cfg(test)]
mod tests;
