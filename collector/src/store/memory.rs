//! A store that keeps everything in memory and nothing on disk: for tests of other rooms.

use std::sync::{Arc, PoisonError, RwLock};

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::broadcast;

use super::distinct::DistinctSpans;
use super::newest::NewestTraces;
use super::window::Window;
use super::{Feed, SpanFilter, Store, StoreError, StoreStats};

/// Keeps spans as long as it lives. It has no limits, so it is not for production.
#[derive(Debug, Default)]
pub struct MemoryStore {
    window: RwLock<Window>,
    feed: Feed,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps spans without a payload.
    pub fn insert(&self, spans: Vec<Span>) {
        let batch: Arc<[Arc<Span>]> = spans.into_iter().map(Arc::new).collect();
        self.window.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&batch));
        self.feed.announce(&batch);
    }

    fn window(&self) -> std::sync::RwLockReadGuard<'_, Window> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn append(&self, _payload: bytes::Bytes, spans: Vec<Span>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.insert(spans);
            Ok(())
        })
    }

    fn trace(&self, trace_id: TraceId) -> Result<Vec<Arc<Span>>, StoreError> {
        let mut found = DistinctSpans::default();
        self.window().trace(trace_id).iter().try_for_each(|span| found.push(Arc::clone(span)))?;
        Ok(found.into_spans())
    }

    fn search(&self, filter: &SpanFilter, limit: usize) -> Result<Vec<TraceId>, StoreError> {
        let mut newest = NewestTraces::new(limit);
        for span in self.window().batches().iter().flat_map(|batch| batch.iter()) {
            if filter.matches(span) {
                newest.offer(span.trace_id, span.start_unix_ns);
            }
        }
        Ok(newest.into_traces())
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.window().services().names().iter().cloned().collect())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[TraceId]>> {
        self.feed.subscribe()
    }

    fn stats(&self) -> StoreStats {
        StoreStats { spans_live: self.window().spans() as u64, blocks: 0, bytes_on_disk: 0 }
    }
}

#[cfg(test)]
mod tests;
