//! Reads the body of a request into memory: bounded alone, together with all others, and in time.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// Bytes are counted in units of this size.
const UNIT_BYTES: usize = 1_024;

/// Memory that all requests together may hold.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)) }
    }

    /// Takes a part of the budget; refuses when not enough is left.
    pub(super) fn take(&self, bytes: usize) -> Result<Held, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        match Arc::clone(&self.units).try_acquire_many_owned(units) {
            Ok(permit) => Ok(Held { _permit: permit }),
            Err(_) => Err(Refusal::Busy("too many bytes are being received; try again later".to_owned())),
        }
    }
}

/// A whole body, and the part of the budget it holds.
#[derive(Debug)]
pub(super) struct WholeBody {
    pub(super) bytes: Bytes,
    pub(super) held: Vec<Held>,
}

/// Reads a body of at most `max_bytes`.
pub(super) async fn read(
    body: Body,
    max_bytes: usize,
    timeout: Duration,
    budget: &Budget,
) -> Result<WholeBody, Refusal> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large(max_bytes));
    }
    match tokio::time::timeout(timeout, collect(body, max_bytes, budget)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(Refusal::Broken(format!("the message took longer than {} s to arrive", timeout.as_secs())))
        }
    }
}

async fn collect(body: Body, max_bytes: usize, budget: &Budget) -> Result<WholeBody, Refusal> {
    let mut body = pin!(body);
    let mut whole = BytesMut::new();
    let mut held = Vec::new();
    let mut paid_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Refusal::Broken(format!("the message broke off: {}", chain(&error))))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > max_bytes - whole.len() {
            return Err(too_large(max_bytes));
        }
        whole.extend_from_slice(&data);
        // In steps that grow, so that a body in many small frames neither holds many permits nor much more than it needs.
        if whole.len() > paid_bytes {
            let step = whole.len().max(UNIT_BYTES).min(max_bytes - paid_bytes).max(whole.len() - paid_bytes);
            held.push(budget.take(step)?);
            paid_bytes += step;
        }
    }
    Ok(WholeBody { bytes: whole.freeze(), held })
}

/// What to say about a message that is too large.
pub(super) fn too_large(max_bytes: usize) -> Refusal {
    Refusal::TooLarge(format!("a message may have {max_bytes} bytes; send smaller batches"))
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
