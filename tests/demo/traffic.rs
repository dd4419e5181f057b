//! Steady traffic through the gateway until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::load::Visitor;

/// Enough for slow requests not to hold up the others.
const WORKERS: u32 = 8;
/// Three look around for each one that buys.
const PATHS: [&str; 4] = ["/", "/", "/checkout", "/"];

/// Traffic on its way.
pub(crate) struct Traffic {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    next: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
}

/// How many requests were answered, and how many of them with an error or not at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) failed: u64,
}

impl Traffic {
    /// Begins at once.
    pub(crate) fn start(visitor: Visitor, requests_per_second: u32) -> Self {
        let shared = Arc::new(Shared::default());
        let (start, gap) = (Instant::now(), Duration::from_secs(1) / requests_per_second.max(1));
        let spawn = |_| {
            let (shared, visitor) = (Arc::clone(&shared), visitor.clone());
            std::thread::spawn(move || send(&shared, &visitor, start, gap))
        };
        let workers = (0..WORKERS).map(spawn).collect();
        Self { shared, workers }
    }

    /// The numbers so far.
    pub(crate) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { sent: load(&self.shared.sent), failed: load(&self.shared.failed) }
    }

    /// Sends no more, and waits for what is on its way.
    pub(crate) fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so already.
            let _ = worker.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Each request has its moment; whichever worker is free takes the next one.
fn send(shared: &Shared, visitor: &Visitor, start: Instant, gap: Duration) {
    while !shared.stopped.load(Ordering::Relaxed) {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let moment = start + gap * u32::try_from(number).unwrap_or(u32::MAX);
        std::thread::sleep(moment.saturating_duration_since(Instant::now()));
        let path = PATHS.iter().cycle().nth(number as usize % PATHS.len()).unwrap_or(&"/");
        let succeeded = visitor.visit(path, &[]).is_ok_and(|answer| answer.status < 400);
        shared.sent.fetch_add(1, Ordering::Relaxed);
        shared.failed.fetch_add(u64::from(!succeeded), Ordering::Relaxed);
    }
}
