//! Tells subscribers which traces have new spans.

use std::collections::HashSet;
use std::sync::Arc;

use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::broadcast;

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

    /// Says that a batch has become visible.
    pub(super) fn announce(&self, batch: &[Arc<Span>]) {
        if batch.is_empty() || self.sender.receiver_count() == 0 {
            return;
        }
        let distinct: HashSet<TraceId> = batch.iter().map(|span| span.trace_id).collect();
        // Sending fails only when the last subscriber has just left.
        self.sender.send(distinct.into_iter().collect()).ok();
    }
}
