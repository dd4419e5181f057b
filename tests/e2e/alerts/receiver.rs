//! A receiver of notifications that accepts and never answers for as long as it is told to, and then takes everything.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

const READ_DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Shared {
    hangs: AtomicBool,
    is_over: AtomicBool,
    left_hanging: AtomicU64,
    taken: Mutex<Vec<Value>>,
}

/// A listener with a thread of its own.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// One that answers.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("bind a receiver")?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let of_thread = Arc::clone(&shared);
        let thread = Some(std::thread::spawn(move || serve(&listener, &of_thread)));
        Ok(Self { address, shared, thread })
    }

    /// One that does not, until [`Receiver::recover`].
    pub(super) fn start_hanging() -> Result<Self> {
        let receiver = Self::start()?;
        receiver.shared.hangs.store(true, Ordering::Relaxed);
        Ok(receiver)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers from now on.
    pub(super) fn recover(&self) {
        self.shared.hangs.store(false, Ordering::Relaxed);
    }

    /// How many attempts got no answer.
    pub(super) fn left_hanging(&self) -> u64 {
        self.shared.left_hanging.load(Ordering::Relaxed)
    }

    /// What it took, in order.
    pub(super) fn taken(&self) -> Vec<Value> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread; where that fails it has ended already.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(listener: &TcpListener, shared: &Shared) {
    let mut held = Vec::new();
    for stream in listener.incoming() {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if shared.hangs.load(Ordering::Relaxed) {
            shared.left_hanging.fetch_add(1, Ordering::Relaxed);
            held.push(stream);
        } else if let Ok(body) = take(stream) {
            shared.taken.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        }
    }
}

/// Reads one request and answers it.
fn take(mut stream: TcpStream) -> Result<Value> {
    stream.set_read_timeout(Some(READ_DEADLINE))?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(anyhow!("the connection ended within the head"));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = Some(value.trim().parse::<usize>()?);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length.context("no content-length")?];
    input.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}
