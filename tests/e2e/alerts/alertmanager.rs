//! The real Alertmanager, and what it was told when.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use harness::artefacts;
use harness::http::Client;
use harness::mesh::Mesh;
use harness::ports::free_port;
use harness::process::Process;
use serde_json::Value;

const READY_DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When Alertmanager first and last held an alert as active.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) first_unix_s: f64,
    pub(super) last_unix_s: f64,
    pub(super) labels: Value,
}

/// A running Alertmanager that is looked at all the time.
pub(super) struct Alertmanager {
    // Before the process, so that nobody asks one that has ended.
    watcher: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
    held: Arc<Mutex<BTreeMap<String, Held>>>,
    url: String,
    _process: Process,
}

/// Now, with fractions.
pub(super) fn now_unix_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Alertmanager {
    /// Starts one that tells nobody.
    pub(super) fn start(mesh: &Mesh) -> Result<Self> {
        let (client, port) = (Client::new(), free_port()?);
        let url = format!("http://127.0.0.1:{port}");
        let config = mesh.run_file("alertmanager.yaml");
        std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")?;
        let mut command = Command::new(artefacts::alertmanager()?);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.path={}", mesh.run_file("alertmanager-data").display()));
        command.args(["--cluster.listen-address=", &format!("--web.listen-address=127.0.0.1:{port}")]);
        let mut process = Process::start("alertmanager", command, &mesh.run_file("alertmanager.log"))?;
        let ready = format!("{url}/-/ready");
        process.wait_ready(READY_DEADLINE, || client.get(&ready).is_ok_and(|answer| answer.status == 200))?;
        let (is_over, held) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let watcher = Some(watch(&url, Arc::clone(&is_over), Arc::clone(&held)));
        Ok(Self { watcher, is_over, held, url, _process: process })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Every alert that it was ever told of, by the id that the collector gave it.
    pub(super) fn held(&self) -> BTreeMap<String, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many alerts are active now.
    pub(super) fn active(&self) -> Result<usize> {
        Ok(active(&Client::new(), &self.url)?.len())
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            // A watcher that panicked has failed a scenario before.
            watcher.join().ok();
        }
    }
}

fn active(client: &Client, url: &str) -> Result<Vec<Value>> {
    let answer = client.get(&format!("{url}/api/v2/alerts?active=true"))?.json::<Value>()?;
    Ok(answer.as_array().cloned().unwrap_or_default())
}

fn watch(url: &str, is_over: Arc<AtomicBool>, held: Arc<Mutex<BTreeMap<String, Held>>>) -> JoinHandle<()> {
    let (client, url) = (Client::new(), url.to_owned());
    std::thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            let now = now_unix_s();
            for alert in active(&client, &url).unwrap_or_default() {
                let labels = &alert["labels"];
                let id = labels["alert_id"].as_str().unwrap_or_default().to_owned();
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let first = || Held { first_unix_s: now, last_unix_s: now, labels: labels.clone() };
                held.entry(id).or_insert_with(first).last_unix_s = now;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    })
}
