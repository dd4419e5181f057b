//! The collector's image, started: in a root that holds nothing else, by the user of the image where that can be.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::http::Client;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use serde_json::Value;

use super::builder::Entry;

const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Unpacks the image, runs its command there with listeners of this machine, and waits until it is ready.
pub(super) fn alone(files: &BTreeMap<String, Entry>, config: &Value, run: &RunDirectory) -> Result<()> {
    let root = run.join("image-root");
    unpack(files, &root)?;
    let mut command = Command::new(if is_superuser() { "chroot" } else { "unshare" });
    let user = config["User"].as_str().context("a user")?;
    if is_superuser() {
        command.arg(format!("--userspec={user}"));
    } else {
        command.args(["--user", "--map-root-user", "chroot"]);
    }
    command.arg(&root);
    let port = free_port()?;
    for words in [&config["Entrypoint"], &config["Cmd"]] {
        let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
        command.args(words.map(|word| localised(word, port)));
    }
    command.arg("--zipkin=127.0.0.1:0");
    // Nothing of this machine is to matter but where `chroot` is.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let mut process = Process::start("image", command, &run.log("image"))?;
    let (client, url) = (Client::new(), format!("http://127.0.0.1:{port}/readyz"));
    process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
    ensure!(root.join("data").read_dir()?.next().is_some(), "it writes nothing to /data");
    let who = if is_superuser() { user } else { "a user of this machine, for want of another one's rights" };
    println!("  collector.Dockerfile, last stage: started in a root of its own by {who}, and ready");
    Ok(())
}

/// A flag for a listener, whose address is one of this machine: the API at this port, others anywhere.
fn localised(word: &str, port: u16) -> String {
    match word.split_once("=0.0.0.0:") {
        Some(("--http", _)) => format!("--http=127.0.0.1:{port}"),
        Some((flag, _)) => format!("{flag}=127.0.0.1:0"),
        None => word.to_owned(),
    }
}

fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

fn unpack(files: &BTreeMap<String, Entry>, root: &Path) -> Result<()> {
    fs::create_dir_all(root)?;
    // A folder comes before what is in it.
    for (path, entry) in files {
        let place = root.join(path);
        if entry.is_folder {
            fs::create_dir_all(&place)?;
        } else {
            fs::write(&place, &entry.content)?;
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode))?;
        if is_superuser() {
            let owner = u32::try_from(entry.owner)?;
            chown(&place, Some(owner), Some(owner))?;
        }
    }
    Ok(())
}
