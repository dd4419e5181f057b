//! A store that keeps everything in memory and nothing on disk: for tests of other rooms.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::broadcast;

use super::distinct::DistinctSpans;
use super::newest::NewestTraces;
use super::rollup::Fold;
use super::values::Values;
use super::window::Window;
use super::{
    Budget, Feed, Figures, Found, Rollup, RollupFilter, Series, SpanFilter, Store, StoreError, StoreStats,
    ValuesOf,
};

/// Keeps spans as long as it lives. It has no limits, so it is not for production.
#[derive(Debug)]
pub struct MemoryStore {
    window: RwLock<Window>,
    rollups: Mutex<Fold>,
    began: Instant,
    feed: Feed,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            window: RwLock::default(),
            rollups: Mutex::default(),
            began: Instant::now(),
            feed: Feed::default(),
        }
    }
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

    fn counted(&self) -> MutexGuard<'_, Fold> {
        let mut rollups = self.rollups.lock().unwrap_or_else(PoisonError::into_inner);
        let batches = self.window().batches().to_vec();
        let new = batches.get(rollups.counted(0)..).unwrap_or_default();
        rollups.count(0, new, self.began.elapsed());
        rollups
    }

    fn matching(&self, filter: &SpanFilter, budget: &Budget, mut take: impl FnMut(&Span)) -> bool {
        for batch in self.window().batches() {
            if !budget.allows_more() {
                return false;
            }
            batch.iter().filter(|span| filter.matches(span)).for_each(|span| take(span));
        }
        true
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

    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        let mut newest = NewestTraces::new(limit);
        let is_complete =
            self.matching(filter, budget, |span| newest.offer(span.trace_id, span.start_unix_ns));
        Ok(Found { items: newest.into_traces(), is_complete })
    }

    fn values(
        &self,
        of: &ValuesOf,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<String>, StoreError> {
        let mut values = Values::new(limit);
        let is_complete = self.matching(filter, budget, |span| of.offer(span, &mut values));
        values.is_cut |= !is_complete;
        Ok(values.into_found())
    }

    fn rollups(&self, filter: &RollupFilter) -> Result<Vec<Rollup>, StoreError> {
        let read = self.counted().read(filter);
        read.map_err(|error| StoreError::Failed(format!("cannot read rollups: {error}")))
    }

    fn totals(&self) -> Vec<(Series, Figures)> {
        self.counted().totals()
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
