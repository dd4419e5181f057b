//! A module is served as it is, with its checksum; anything else is refused.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::*;

const SMALLEST: &[u8] = b"\0asm\x01\0\0\0";
/// By `sha256sum`.
const CHECKSUM: &str = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476";

fn read(content: &[u8]) -> Result<Module, ModuleError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    Module::read(file.path())
}

async fn ask(module: Option<Module>, path: &str) -> (StatusCode, Vec<u8>, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = TowerToHyperService::new(router(module)).call(request).await.unwrap();
    let tag = response.headers().get(ETAG).map(|tag| tag.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status(), response.into_body().collect().await.unwrap().to_bytes().to_vec(), tag)
}

#[tokio::test]
async fn a_module_is_served_as_it_is() {
    let (status, body, tag) = ask(Some(read(SMALLEST).unwrap()), PATH).await;
    assert_eq!((status, body.as_slice(), tag), (StatusCode::OK, SMALLEST, format!("\"sha256:{CHECKSUM}\"")));
}

#[tokio::test]
async fn its_checksum_is_told_as_sha256sum_writes_it() {
    let (status, body, _) = ask(Some(read(SMALLEST).unwrap()), CHECKSUM_PATH).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(String::from_utf8(body).unwrap(), format!("{CHECKSUM}  filter.wasm\n"));
}

#[tokio::test]
async fn without_a_module_there_is_nothing() {
    assert_eq!(ask(None, PATH).await.0, StatusCode::NOT_FOUND);
}

#[test]
fn what_is_no_module_is_refused_by_name() {
    for content in [&b""[..], b"\0as", b"\x7fELF"] {
        assert!(
            read(content).unwrap_err().to_string().contains("is not a WebAssembly module"),
            "{content:?}"
        );
    }
    let missing = Module::read(Path::new("no-such.wasm")).unwrap_err().to_string();
    assert!(missing.contains("no-such.wasm (--module) cannot be read"), "{missing}");
}
