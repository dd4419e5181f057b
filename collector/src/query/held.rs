//! Keeps written answers until their clients have read them: all together in a bounded part of memory.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Memory that all answers which are not read yet may hold: some of the largest traces, or very many of the usual ones.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Bytes are counted in units of this size.
const UNIT_BYTES: usize = 1_024;

/// The memory for answers; clones share it.
#[derive(Clone, Debug)]
pub(super) struct AnswerRoom {
    units: Arc<Semaphore>,
    all_units: u32,
}

impl AnswerRoom {
    pub(super) fn new() -> Self {
        Self::of_bytes(MAX_BYTES)
    }

    pub(super) fn of_bytes(bytes: usize) -> Self {
        let all_units = units_of(bytes);
        Self { units: Arc::new(Semaphore::new(all_units as usize)), all_units }
    }

    /// Writes an answer and takes room for it; a problem when others hold too much. An answer larger than all the room
    /// is given when no other is held: waiting would not help it.
    pub(super) fn write(&self, answer: &impl Serialize) -> Result<HeldAnswer, Problem> {
        let json = serde_json::to_vec(answer).map_err(|error| Problem::internal(error.to_string()))?;
        self.hold(json, "application/json")
    }

    /// Takes room for an answer that was written already.
    pub(super) fn hold(&self, bytes: Vec<u8>, content_type: &'static str) -> Result<HeldAnswer, Problem> {
        let units = units_of(bytes.capacity()).min(self.all_units);
        match Arc::clone(&self.units).try_acquire_many_owned(units) {
            Ok(permit) => {
                let bytes = Bytes::from_owner(Held { bytes, _permit: permit });
                Ok(HeldAnswer { bytes, content_type })
            }
            Err(_) => Err(Problem::unavailable("too many answers wait to be read: ask again in a moment")),
        }
    }
}

fn units_of(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// An answer and its room, which is given back when the last byte was written or the connection is gone.
#[derive(Debug)]
pub(super) struct HeldAnswer {
    bytes: Bytes,
    content_type: &'static str,
}

impl IntoResponse for HeldAnswer {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, self.content_type)], Body::from(self.bytes)).into_response()
    }
}

/// The owner of the bytes: every part of them, in whatever buffer it waits, keeps the room taken.
struct Held {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
