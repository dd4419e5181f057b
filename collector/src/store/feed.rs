//! Tells subscribers which traces have new spans.

use std::sync::Arc;

use throughline_model::id::TraceId;
use tokio::sync::broadcast;

use super::batch::Head;
use super::hash::FastSet;

/// How many batches a subscriber may lag behind before it loses the oldest.
const BACKLOG_BATCHES: usize = 4096;

/// One item for each batch that has become visible.
#[derive(Debug)]
pub(super) struct Feed {
    sender: broadcast::Sender<Arc<[TraceId]>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG_BATCHES) }
    }
}

impl Feed {
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        self.sender.subscribe()
    }

    /// The traces of a batch, for those who listen; `None` where nobody does.
    pub(super) fn traces_of(&self, batch: &[Head]) -> Option<Arc<[TraceId]>> {
        if batch.is_empty() || self.sender.receiver_count() == 0 {
            return None;
        }
        let distinct: FastSet<TraceId> = batch.iter().map(|head| head.trace_id).collect();
        Some(distinct.into_iter().collect())
    }

    /// Says that a batch has become visible.
    pub(super) fn announce(&self, traces: Option<Arc<[TraceId]>>) {
        // Sending fails only when the last subscriber has just left.
        traces.map(|traces| self.sender.send(traces).ok());
    }
}
