//! The image is the same every time, and what Istio looks for is in it.

use std::io::Read as _;

use super::pack::{self, CONFIG_TYPE, FILE_NAME, LAYER_TYPE, MANIFEST_TYPE};
use super::{layout, pin, run};

const SMALLEST: &[u8] = b"\0asm\x01\0\0\0";

#[test]
fn the_same_module_gives_the_same_image() {
    let first = pack::image(SMALLEST).unwrap();
    assert_eq!(first, pack::image(SMALLEST).unwrap());
    assert_ne!(first.digest(), pack::image(b"\0asm\x01\0\0\0\0").unwrap().digest());
}

#[test]
fn the_layer_is_gzip_over_tar_with_the_one_file() {
    let image = pack::image(SMALLEST).unwrap();
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(image.layer.as_slice()).read_to_end(&mut archive).unwrap();
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.push((entry.path().unwrap().display().to_string(), entry.header().mtime().unwrap(), content));
    }
    assert_eq!(files, [(FILE_NAME.to_owned(), 0, SMALLEST.to_vec())]);
}

#[test]
fn the_manifest_names_types_and_variant() {
    let image = pack::image(SMALLEST).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
    assert_eq!(manifest["mediaType"], MANIFEST_TYPE);
    assert_eq!(manifest["config"]["mediaType"], CONFIG_TYPE);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], LAYER_TYPE);
    assert_eq!(manifest["layers"][0]["digest"], pack::digest(&image.layer));
    assert_eq!(manifest["annotations"]["module.wasm.image/variant"], "compat");
}

#[test]
fn what_is_no_module_is_refused() {
    assert!(pack::image(b"\x7fELF").unwrap_err().to_string().contains("no WebAssembly module"));
}

#[test]
fn a_layout_is_read_back_and_a_damaged_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let image = pack::image(SMALLEST).unwrap();
    layout::write(&image, "registry.example/a/b:1.0", folder.path()).unwrap();
    assert_eq!(layout::read(folder.path()).unwrap(), image);
    let layer = folder.path().join("blobs/sha256").join(pack::hexadecimal(&image.layer));
    std::fs::write(layer, b"other").unwrap();
    assert!(layout::read(folder.path()).unwrap_err().to_string().contains("holds something else"));
}

#[test]
fn a_version_that_moves_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = pack::image(SMALLEST).unwrap();
    for reference in ["registry.example/a/b", "registry.example/a/b:latest", "localhost:5000/a"] {
        assert!(layout::write(&image, reference, folder.path()).is_err(), "{reference}");
    }
}

#[test]
fn wrong_words_tell_the_right_ones() {
    assert!(run(&["pack"]).unwrap_err().to_string().contains("usage: image pack"));
    let error = run(&["push", "nowhere", "registry.example/a:1"]).unwrap_err().to_string();
    assert!(error.contains("write http://HOST:PORT/REPOSITORY:TAG"), "{error}");
}

#[test]
fn pins_hold_place_and_checksum() {
    let text = pin::for_registry("registry.example/a/b:1.0", "sha256:abc");
    assert!(text.contains("value: oci://registry.example/a/b:1.0\n") && text.contains("value: abc\n"));
    assert!(pin::for_collector("abc").contains("path: /spec/sha256\n        value: abc\n"));
}
