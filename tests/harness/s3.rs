//! A server that speaks S3 on the loopback address, and a gate before it that can be closed as an outage would.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::artefacts;
use crate::http::Client;
use crate::ports::free_port;
use crate::process::Process;
use crate::run_directory::RunDirectory;

const READY_DEADLINE: Duration = Duration::from_secs(60);

/// PyPI's `moto`, which keeps everything in memory, with one bucket.
#[derive(Debug)]
pub struct S3 {
    _process: Process,
    url: String,
    gate: Gate,
}

/// The bucket's name.
pub const BUCKET: &str = "traces";

impl S3 {
    /// Starts the server and opens the gate.
    pub fn start(run: &RunDirectory) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(artefacts::python_tool("moto_server")?);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let mut process = Process::start("moto", command, &run.log("moto"))?;
        let (client, url) = (Client::new(), format!("http://127.0.0.1:{port}"));
        process.wait_ready(READY_DEADLINE, || client.get(&url).is_ok_and(|answer| answer.status == 200))?;
        let made = client.request("PUT", &format!("{url}/{BUCKET}"), &[], &[])?;
        ensure!(made.status == 200, "the bucket got status {}", made.status);
        Ok(Self { _process: process, url, gate: Gate::open(port)? })
    }

    /// Where a collector finds it: behind the gate.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.gate.port)
    }

    /// Nobody reaches the server from now on; connections are closed at once.
    pub fn close_gate(&self) {
        self.gate.is_closed.store(true, Ordering::SeqCst);
    }

    /// It is reached again.
    pub fn open_gate(&self) {
        self.gate.is_closed.store(false, Ordering::SeqCst);
    }

    /// The keys of all objects, asked for past the gate.
    pub fn keys(&self) -> Result<Vec<String>> {
        Ok(within(&self.list()?, "<Key>", "</Key>"))
    }

    /// The bytes of each object, asked for past the gate.
    pub fn sizes(&self) -> Result<Vec<u64>> {
        let sizes = within(&self.list()?, "<Size>", "</Size>");
        sizes.iter().map(|text| text.parse().with_context(|| format!("the size {text}"))).collect()
    }

    fn list(&self) -> Result<String> {
        let answer = Client::new().get(&format!("{}/{BUCKET}?list-type=2", self.url))?;
        ensure!(answer.status == 200, "the list got status {}", answer.status);
        answer.text()
    }
}

/// What stands between the two, wherever they come.
fn within(text: &str, begin: &str, end: &str) -> Vec<String> {
    let parts = text.split(begin).skip(1).filter_map(|part| part.split_once(end));
    parts.map(|(inner, _)| inner.to_owned()).collect()
}

/// Passes connections on to a port, or does not.
#[derive(Debug)]
struct Gate {
    port: u16,
    is_closed: Arc<AtomicBool>,
}

impl Gate {
    fn open(to: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
        let port = listener.local_addr()?.port();
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        // Lives as long as the process of the tests.
        std::thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let closed = Arc::clone(&closed);
                std::thread::spawn(move || pass(&here, to, &closed).ok());
            }
        });
        Ok(Self { port, is_closed })
    }
}

/// Both directions of one connection, until one end has had enough or the gate is closed.
fn pass(here: &TcpStream, to: u16, is_closed: &Arc<AtomicBool>) -> io::Result<()> {
    if is_closed.load(Ordering::SeqCst) {
        return here.shutdown(Shutdown::Both);
    }
    let there = TcpStream::connect(("127.0.0.1", to))?;
    let (from_there, to_here) = (there.try_clone()?, here.try_clone()?);
    let closed = Arc::clone(is_closed);
    let back = std::thread::spawn(move || copy(&from_there, &to_here, &closed));
    copy(here, &there, is_closed);
    back.join().ok();
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, is_closed: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = io::Read::read(&mut from, &mut buffer) {
        let part = buffer.get(..length).unwrap_or_default();
        if length == 0 || is_closed.load(Ordering::SeqCst) || io::Write::write_all(&mut to, part).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
