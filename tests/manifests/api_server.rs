//! A real kube-apiserver takes everything, where there is one: `KUBEBUILDER_ASSETS` names a folder with it and etcd.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::ports::free_port;
use harness::process::Process;
use harness::run_directory::RunDirectory;
use harness::runner::did_not_run;
use serde_json::{Value, json};

use crate::objects::{Rendered, namespace};
use crate::schemas::{definitions, is_built_in};

const ASSETS: &str = "KUBEBUILDER_ASSETS";
const READY_DEADLINE: Duration = Duration::from_secs(120);
const TOKEN: &str = "manifests";

/// etcd and an API server on the loopback address; dropping it stops both.
struct ApiServer {
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    server: Process,
    _etcd: Process,
}

pub(crate) fn takes_everything(rendered: &mut Rendered) -> Result<()> {
    let Some(assets) = std::env::var_os(ASSETS).filter(|value| !value.is_empty()).map(PathBuf::from) else {
        return Err(did_not_run(format!("{ASSETS} names no folder with kube-apiserver and etcd")));
    };
    let mut api = ApiServer::start(&assets, &rendered.run)?;
    api.wait_ready()?;
    let with_definitions = definitions().is_some();
    if let Some(folder) = definitions() {
        api.apply(&["--server-side", "--filename"], &folder)?;
    }
    let places: std::collections::BTreeSet<&str> = rendered.objects().map(namespace).collect();
    for place in places.into_iter().filter(|place| !place.is_empty()) {
        let file = rendered.run.join(format!("namespace-{place}.json"));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}});
        std::fs::write(&file, object.to_string())?;
        api.apply(&["--server-side", "--filename"], &file)?;
    }
    for (name, objects) in &rendered.sets {
        let is_known = |object: &&Value| with_definitions || is_built_in(object);
        let items: Vec<&Value> = objects.iter().filter(is_known).collect();
        let file = rendered.run.join(format!("apply-{}.json", name.replace('/', "-")));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        std::fs::write(&file, list.to_string())?;
        let words =
            ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename"];
        api.apply(&words, &file).with_context(|| name.clone())?;
        println!("  {name}: {} objects taken", items.len());
    }
    Ok(())
}

impl ApiServer {
    fn start(assets: &Path, run: &RunDirectory) -> Result<Self> {
        let (client, peer, secure) = (free_port()?, free_port()?, free_port()?);
        let etcd_url = format!("http://127.0.0.1:{client}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        let mut command = Command::new(assets.join("etcd"));
        command.arg("--data-dir").arg(run.join("etcd")).arg("--unsafe-no-fsync");
        command.args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url]);
        command.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
        command.arg(format!("--initial-cluster=default={peer_url}"));
        let etcd = Process::start("etcd", command, &run.log("etcd"))?;
        let server = Process::start(
            "kube-apiserver",
            api_server(assets, run, &etcd_url, secure)?,
            &run.log("apiserver"),
        )?;
        let kubeconfig = run.join("kubeconfig.json");
        let cluster =
            json!({"server": format!("https://127.0.0.1:{secure}"), "insecure-skip-tls-verify": true});
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::write(&kubeconfig, config.to_string())?;
        Ok(Self { kubectl: artefacts::kubernetes_tool("kubectl")?, kubeconfig, server, _etcd: etcd })
    }

    fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command
    }

    fn wait_ready(&mut self) -> Result<()> {
        let (kubectl, kubeconfig) = (self.kubectl.clone(), self.kubeconfig.clone());
        self.server.wait_ready(READY_DEADLINE, || {
            let mut command = Command::new(&kubectl);
            command.arg("--kubeconfig").arg(&kubeconfig).args(["get", "--raw", "/readyz"]);
            command.output().is_ok_and(|output| output.status.success())
        })
    }

    fn apply(&self, words: &[&str], file: &Path) -> Result<()> {
        let output = self.kubectl().arg("apply").args(words).arg(file).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

fn api_server(assets: &Path, run: &RunDirectory, etcd: &str, port: u16) -> Result<Command> {
    let certificates = run.join("certificates");
    std::fs::create_dir_all(&certificates)?;
    let tokens = run.join("tokens.csv");
    std::fs::write(&tokens, format!("{TOKEN},admin,admin,system:masters\n"))?;
    let key = run.join("service-account.key");
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").output()?;
    ensure!(made.status.success(), "openssl makes no key: {}", String::from_utf8_lossy(&made.stderr));
    let mut command = Command::new(assets.join("kube-apiserver"));
    command.args(["--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
    command.args(["--service-cluster-ip-range", "10.96.0.0/16", "--authorization-mode", "RBAC"]);
    command.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
    command.arg("--service-account-key-file").arg(&key).arg("--service-account-signing-key-file").arg(&key);
    command.arg("--token-auth-file").arg(&tokens).arg("--cert-dir").arg(&certificates);
    // The account that a pod names is only made by a controller, which does not run here.
    command.arg("--disable-admission-plugins=ServiceAccount");
    Ok(command)
}
