//! Reads the body of a request into memory: bounded alone, together with all others, and in time.

use std::collections::HashMap;
use std::error::Error;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Peer;
use super::refusal::Refusal;

/// Bytes are counted in units of this size.
const UNIT_BYTES: usize = 1_024;

/// What one sender may hold of the budget, as one part of this many: a loud one leaves the others room.
const SHARE_OF_ONE_SENDER: usize = 4;

/// Memory that all requests together may hold, and each sender of them.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    all_units: usize,
    max_units_of_one: usize,
    by_sender: Arc<Mutex<HashMap<Peer, usize>>>,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
    peer: Peer,
    units: usize,
    by_sender: Arc<Mutex<HashMap<Peer, usize>>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut by_sender = self.by_sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = by_sender.get_mut(&self.peer) {
            *held = held.saturating_sub(self.units);
            if *held == 0 {
                by_sender.remove(&self.peer);
            }
        }
    }
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units)),
            all_units: units,
            max_units_of_one: units / SHARE_OF_ONE_SENDER,
            by_sender: Arc::default(),
        }
    }

    /// Takes a part of the budget; refuses when not enough is left, or when the sender holds its share of it already. A
    /// sender that holds nothing may take more than its share: waiting would not help it.
    pub(super) fn take(&self, bytes: usize, peer: Peer) -> Result<Held, Refusal> {
        // What is larger than all the budget waits for all of it.
        let units = bytes.div_ceil(UNIT_BYTES).min(self.all_units);
        let mut by_sender = self.by_sender.lock().unwrap_or_else(PoisonError::into_inner);
        let held = by_sender.get(&peer).copied().unwrap_or(0);
        if held > 0 && held + units > self.max_units_of_one {
            let words = "this sender waits for the answers to as many bytes as it may; try again later";
            return Err(Refusal::Busy(words.to_owned()));
        }
        let wanted = u32::try_from(units).unwrap_or(u32::MAX);
        match Arc::clone(&self.units).try_acquire_many_owned(wanted) {
            Ok(permit) => {
                by_sender.insert(peer, held + units);
                Ok(Held { _permit: permit, peer, units, by_sender: Arc::clone(&self.by_sender) })
            }
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
    peer: Peer,
) -> Result<WholeBody, Refusal> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large(max_bytes));
    }
    match tokio::time::timeout(timeout, collect(body, max_bytes, budget, peer)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(Refusal::Broken(format!("the message took longer than {} s to arrive", timeout.as_secs())))
        }
    }
}

async fn collect(body: Body, max_bytes: usize, budget: &Budget, peer: Peer) -> Result<WholeBody, Refusal> {
    let mut body = pin!(body);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut pieces = Pieces::default();
    let mut held = Vec::new();
    let mut paid_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Refusal::Broken(format!("the message broke off: {}", chain(&error))))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > max_bytes - pieces.len() {
            return Err(too_large(max_bytes));
        }
        pieces.push(data, announced);
        let bytes = pieces.len();
        // In steps that grow, so that a body in many small frames neither holds many permits nor much more than it needs.
        if bytes > paid_bytes {
            let step = bytes.max(UNIT_BYTES).min(max_bytes - paid_bytes).max(bytes - paid_bytes);
            held.push(budget.take(step, peer)?);
            paid_bytes += step;
        }
    }
    Ok(WholeBody { bytes: pieces.into_whole(), held })
}

/// What has come of a body.
#[derive(Debug)]
enum Pieces {
    /// Nothing, or one piece, which stays where it is.
    One(Bytes),
    /// Several, put together.
    Many(BytesMut),
}

impl Default for Pieces {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Pieces {
    /// What a sender says of the length is believed up to here before the bytes are there.
    const BELIEVED_BYTES: usize = 512 * 1024;
    /// A piece is a part of what was read together from the connection and keeps all of that in memory, a megabyte at most: a
    /// smaller one is copied at once, since nobody knows when the next one comes.
    const WORTH_KEEPING_BYTES: usize = 32 * 1024;

    fn len(&self) -> usize {
        match self {
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.len(),
        }
    }

    fn push(&mut self, piece: Bytes, announced: usize) {
        match self {
            Self::One(first) if first.is_empty() && piece.len() < Self::WORTH_KEEPING_BYTES => {
                *first = Bytes::copy_from_slice(&piece);
            }
            Self::One(first) if first.is_empty() => *first = piece,
            Self::One(first) => {
                let bytes = first.len() + piece.len();
                let mut pieces = BytesMut::with_capacity(announced.min(Self::BELIEVED_BYTES).max(bytes));
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Self::Many(pieces);
            }
            Self::Many(pieces) => pieces.extend_from_slice(&piece),
        }
    }

    fn into_whole(self) -> Bytes {
        match self {
            Self::One(piece) => piece,
            Self::Many(pieces) => pieces.freeze(),
        }
    }
}

/// What to say about a message that is too large.
pub(super) fn too_large(max_bytes: usize) -> Refusal {
    Refusal::TooLarge(format!("a message may have {max_bytes} bytes; send smaller batches"))
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
