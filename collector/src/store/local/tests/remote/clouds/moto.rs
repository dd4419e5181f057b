//! A server that speaks S3 on the loopback address: PyPI's `moto`, as `make tools` installs it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use super::{PREFIXES, wait_until};
use crate::store::{ObjectStoreConfig, Secret};

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Moto {
    process: Child,
    endpoint: String,
}

impl Moto {
    /// Starts it with one bucket.
    pub(super) fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin/moto_server");
        assert!(program.is_file(), "{} is missing: make tools", program.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { process, endpoint: format!("http://127.0.0.1:{port}") };
        let bucket = format!("{}/blocks", moto.endpoint);
        wait_until("moto has made a bucket", || ureq::put(&bucket).send_empty().is_ok());
        moto
    }

    /// A prefix that nobody else has.
    pub(super) fn object_store(&self) -> ObjectStoreConfig {
        ObjectStoreConfig {
            url: format!("s3://blocks/of/{}", PREFIXES.fetch_add(1, Ordering::Relaxed)),
            endpoint: Some(self.endpoint.clone()),
            region: Some("eu-central-1".to_owned()),
            access_key_id: Some(Secret::new("tester".to_owned())),
            secret_access_key: Some(Secret::new("not-a-secret".to_owned())),
            cache_bytes: Some(0),
            ..ObjectStoreConfig::default()
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
