//! A store that keeps everything in memory and nothing on disk: for tests of other rooms.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use futures_core::future::BoxFuture;
use throughline_model::id::TraceId;
use throughline_model::span::Span;
use tokio::sync::broadcast;

use super::batch::Batch;
use super::gathering::gather;
use super::newest::NewestTraces;
use super::rollup::Fold;
use super::values::Values;
use super::window::{Payload, Window};
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
        // What we encode ourselves can be read.
        if let Ok((batch, _)) = Batch::of_spans(&spans) {
            self.push(batch);
        }
    }

    fn push(&self, batch: Batch) {
        let traces = self.feed.traces_of(&batch.heads.spans);
        let payload = Payload::Memory(batch.payload.clone());
        let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
        window.push(batch.heads, &batch.payload, payload);
        drop(window);
        self.feed.announce(traces);
    }

    fn window(&self) -> std::sync::RwLockReadGuard<'_, Window> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, Fold> {
        let mut rollups = self.rollups.lock().unwrap_or_else(PoisonError::into_inner);
        let batches = self.window().batches().to_vec();
        for batch in batches.get(rollups.counted(0)..).unwrap_or_default() {
            // What is in memory can be read.
            let counted = rollups.count(0, batch, self.began.elapsed());
            debug_assert!(counted.is_ok(), "{counted:?}");
        }
        rollups.expire(0, self.began.elapsed());
        rollups
    }
}

impl Store for MemoryStore {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.push(batch);
            Ok(())
        })
    }

    fn traces_within(
        &self,
        trace_ids: &[TraceId],
        budget: &Budget,
    ) -> Result<Found<Vec<Arc<Span>>>, StoreError> {
        let gathered = gather(trace_ids, budget, |trace_ids, gathering| {
            let found: Vec<_> = trace_ids.iter().map(|trace_id| self.window().trace(*trace_id)).collect();
            found.iter().try_for_each(|spans| spans.decode(&mut |span| gathering.push(span)))
        })?;
        Ok(gathered.found)
    }

    fn search_within(
        &self,
        filter: &SpanFilter,
        limit: usize,
        budget: &Budget,
    ) -> Result<Found<TraceId>, StoreError> {
        let mut newest = NewestTraces::new(limit);
        let selection = self.window().select(filter);
        let is_complete = selection.each_trace(filter, budget, |trace, start| newest.offer(trace, start))?;
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
        let selection = self.window().select(filter);
        let is_complete = selection.each_span(filter, budget, |span| of.offer(span, &mut values))?;
        values.is_cut |= !is_complete;
        Ok(values.into_found())
    }

    fn rollups_within(&self, filter: &RollupFilter, budget: &Budget) -> Result<Found<Rollup>, StoreError> {
        let read = self.counted().read(filter, budget);
        read.map_err(|error| StoreError::Failed(format!("cannot read rollups: {error}")))
    }

    fn totals(&self) -> Vec<(Series, Figures)> {
        self.counted().totals()
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.window().services().into_names().into_iter().collect())
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
