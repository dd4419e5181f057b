//! Runs what blocks on disk beside the runtime: a few at a time, some waiting, the rest refused at once.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::problem::Problem;

const MAX_WAITING: usize = 128;
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Permits for blocking work.
#[derive(Debug)]
pub(super) struct Workers {
    /// Those who wait and those who work.
    admitted: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Workers {
    pub(super) fn new() -> Self {
        let working = available_parallelism().map_or(2, NonZero::get).saturating_mul(2);
        Self::with_limits(working, MAX_WAITING)
    }

    pub(super) fn with_limits(working: usize, waiting: usize) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(working.saturating_add(waiting))),
            working: Arc::new(Semaphore::new(working)),
        }
    }

    /// Runs `work` on a thread that may block. The permits are held until it ends, even when nobody waits for it any more.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, Problem>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let permits = self.permits().await?;
        let (answer, answered) = oneshot::channel();
        spawn(Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(died()));
            drop(permits);
            // Nobody listens any more where the one who asked has gone.
            answer.send(result).ok();
        }));
        answered.await.unwrap_or_else(|_| Err(died()))
    }

    /// One to wait, one to work.
    async fn permits(&self) -> Result<[OwnedSemaphorePermit; 2], Problem> {
        let busy = || Problem::unavailable("too many questions at once: ask again in a moment");
        let admission = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        let permit = timeout(MAX_WAIT, Arc::clone(&self.working).acquire_owned()).await;
        Ok([admission, permit.map_err(|_| busy())?.map_err(|_| busy())?])
    }
}

fn died() -> Problem {
    tracing::error!("a question could not be answered");
    Problem::internal("the question could not be answered; the log of the collector says more")
}

/// One type for all work: each type of a task would be compiled with all of its runtime.
fn spawn(work: Box<dyn FnOnce() + Send>) {
    spawn_blocking(work);
}

#[cfg(test)]
mod tests;
