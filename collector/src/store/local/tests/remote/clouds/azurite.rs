//! A server that speaks Azure Blob Storage on the loopback address: npm's `azurite`, as `make tools` installs it.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use super::{PREFIXES, wait_until};
use crate::store::{ObjectStoreConfig, Secret};

const ACCOUNT: &str = "tester";
/// Base64, as Azure's keys are.
const KEY: &str = "bm90LWEtc2VjcmV0";
const CONTAINER: &str = "blocks";

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Azurite {
    process: Child,
    endpoint: String,
    _folder: tempfile::TempDir,
}

impl Azurite {
    /// Starts it with one container.
    pub(super) fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join(".tools/azurite/node_modules/azurite/dist/src/blob/main.js");
        assert!(program.is_file(), "{} is missing: make tools", program.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("node")
            .arg(program)
            .args(["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--blobHost", "127.0.0.1"])
            .args(["--blobPort", &port.to_string()])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        let azurite = Self { process, endpoint, _folder: folder };
        wait_until("azurite listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let made = Command::new(root.join(".tools/python/bin/python"))
            .arg(root.join("tests/harness/azure_container.py"))
            .args([azurite.endpoint.as_str(), ACCOUNT, KEY, CONTAINER])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        azurite
    }

    /// A prefix that nobody else has.
    pub(super) fn object_store(&self) -> ObjectStoreConfig {
        ObjectStoreConfig {
            url: format!("az://{CONTAINER}/of/{}", PREFIXES.fetch_add(1, Ordering::Relaxed)),
            endpoint: Some(self.endpoint.clone()),
            access_key_id: Some(Secret::new(ACCOUNT.to_owned())),
            secret_access_key: Some(Secret::new(KEY.to_owned())),
            cache_bytes: Some(0),
            ..ObjectStoreConfig::default()
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
