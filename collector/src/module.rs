//! Serves the filter's module to proxies, with its checksum, so that an installation needs no registry.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Where proxies ask for the module.
pub const PATH: &str = "/filter.wasm";
/// Where people ask for its checksum, in the form that `sha256sum --check` reads.
pub const CHECKSUM_PATH: &str = "/filter.wasm.sha256";

/// What every WebAssembly module begins with.
const MAGIC: &[u8] = b"\0asm";
/// Istio's agent takes no larger one.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Why a module cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It cannot be read.
    #[error("the module {path} (--module) cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// It is something else.
    #[error(
        "{path} (--module) is not a WebAssembly module of at most 256 MiB; name the file that `make module` makes"
    )]
    NotAModule {
        /// The file.
        path: PathBuf,
    },
}

/// A module in memory, as it was when the collector started: what is served always has the checksum that is told.
#[derive(Debug)]
pub struct Module {
    bytes: Bytes,
    sha256: String,
}

impl Module {
    /// Reads the whole file.
    pub fn read(path: &Path) -> Result<Self, ModuleError> {
        let unreadable = |error| ModuleError::Unreadable { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if !bytes.starts_with(MAGIC) || bytes.len() as u64 > MAX_BYTES {
            return Err(ModuleError::NotAModule { path: path.to_owned() });
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes: bytes.into(), sha256 })
    }

    /// 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// The two paths; none where there is no module.
pub fn router(module: Option<Module>) -> Router {
    match module {
        Some(module) => Router::new()
            .route(PATH, get(send))
            .route(CHECKSUM_PATH, get(tell_checksum))
            .with_state(Arc::new(module)),
        None => Router::new(),
    }
}

async fn send(State(module): State<Arc<Module>>) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/wasm".to_owned()), (ETAG, format!("\"sha256:{}\"", module.sha256))];
    (headers, module.bytes.clone()).into_response()
}

async fn tell_checksum(State(module): State<Arc<Module>>) -> String {
    format!("{}  filter.wasm\n", module.sha256)
}

#[cfg(test)]
mod tests;
