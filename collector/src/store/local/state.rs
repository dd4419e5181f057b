//! What the threads of a store share: the live window, the windows on their way to disk, and the open blocks.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use throughline_model::id::TraceId;

use super::folder::Folder;
use super::remembered::{OfWindow, Remembered};
use super::remote::Remote;
use crate::store::block::Block;
use crate::store::feed::Feed;
use crate::store::rollup::Fold;
use crate::store::services::ServiceNames;
use crate::store::window::{FiledBatch, Found, Selection, Window};
use crate::store::{Config, SpanFilter, StoreError, StoreStats};
use crate::telemetry::Counters;

/// How many windows' worth of spans may be in memory before batches are refused.
const MAX_WINDOWS: usize = 3;
/// How many windows linger at most once they are in blocks.
const MAX_LINGERING: usize = 2;
/// Windows smaller than this are not worth refusing anything for.
const MIN_SPANS_LIMIT: usize = 100_000;

/// A window that takes no more spans and waits for its block.
#[derive(Debug)]
pub(super) struct FrozenWindow {
    pub(super) spans: Window,
    /// Windows are numbered by age.
    pub(super) number: u64,
    /// The first and the last log segment that hold its spans.
    pub(super) segments: (u64, u64),
    /// What its spans hold of the memory that is allowed.
    pub(super) _room: Vec<Room>,
}

/// What reads and the two threads look at, always consistent: no span is in two places or in none.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By the order in which they were written.
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) frozen: Vec<Arc<FrozenWindow>>,
    lingering: VecDeque<Lingering>,
    pub(super) remembered: Remembered,
    pub(super) live: Window,
    pub(super) live_number: u64,
    pub(super) live_room: Vec<Room>,
}

/// A window that is in a block, and whose spans are still known.
#[derive(Debug)]
pub(super) struct Lingering {
    window: Arc<FrozenWindow>,
    block: Arc<Block>,
    since: Instant,
}

/// The state at one moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) frozen: Vec<Arc<FrozenWindow>>,
    pub(super) in_windows: Vec<Found>,
    pub(super) live: Option<Selection>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    /// The same with the retention that is asked for now.
    tending: RwLock<Arc<Config>>,
    pub(super) folder: Folder,
    pub(super) counters: Arc<Counters>,
    pub(super) feed: Feed,
    pub(super) log_bytes: AtomicU64,
    /// The object store, where there is one.
    pub(super) remote: Option<Remote>,
    memory: Arc<Memory>,
    is_stopping: AtomicBool,
    state: RwLock<State>,
    rollups: Mutex<Fold>,
    opened: Instant,
}

impl Shared {
    pub(super) fn new(
        config: Config,
        folder: Folder,
        remote: Option<Remote>,
        counters: Arc<Counters>,
    ) -> Self {
        let max_spans = config.block_max_spans.saturating_mul(MAX_WINDOWS).max(MIN_SPANS_LIMIT);
        let memory = Memory { max_spans, spans: AtomicUsize::new(0), bytes: AtomicUsize::new(0) };
        Self {
            tending: RwLock::new(Arc::new(config.clone())),
            config,
            folder,
            counters,
            feed: Feed::default(),
            log_bytes: AtomicU64::new(0),
            remote,
            memory: Arc::new(memory),
            is_stopping: AtomicBool::new(false),
            state: RwLock::default(),
            rollups: Mutex::default(),
            opened: Instant::now(),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// By what blocks and rollups are kept, merged and removed.
    pub(super) fn tending(&self) -> Arc<Config> {
        Arc::clone(&self.tending.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the retention of another configuration.
    pub(super) fn set_retention(&self, new: &Config) {
        let config = Config {
            retention: new.retention,
            retention_by_service: new.retention_by_service.clone(),
            max_block_bytes: new.max_block_bytes,
            rollup_retention: new.rollup_retention,
            ..self.config.clone()
        };
        *self.tending.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// Memory at which the live window becomes a block even when it has few spans.
    pub(super) fn max_window_bytes(&self) -> usize {
        self.config.memory_bytes / 3
    }

    /// What was counted so far.
    pub(super) fn rollups(&self) -> MutexGuard<'_, Fold> {
        self.rollups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the spans that have become visible since this was called last.
    pub(super) fn count_rollups(&self) {
        let mut rollups = self.rollups();
        let state = self.read();
        let frozen = state.frozen.iter().map(|window| (window.number, &window.spans));
        let windows: Vec<(u64, Vec<Arc<FiledBatch>>)> = frozen
            .chain([(state.live_number, &state.live)])
            .map(|(number, spans)| {
                (number, spans.batches().get(rollups.counted(number)..).unwrap_or_default().to_vec())
            })
            .collect();
        let live = state.live_number;
        drop(state);
        for (number, batches) in windows {
            for batch in batches {
                if let Err(error) = rollups.count(number, &batch, self.opened.elapsed()) {
                    self.counters.log_failures.inc();
                    tracing::error!(%error, "a batch is missing in the rollups");
                }
            }
        }
        // A frozen window that is counted to its end must not change any more: it may be on its way to disk.
        rollups.expire(live, self.opened.elapsed());
    }

    /// Counts for as long as the store is open, so that nothing waits for a reader.
    pub(super) fn run_rollups(&self) {
        const INTERVAL: Duration = Duration::from_millis(250);
        while !self.is_stopping() {
            self.count_rollups();
            self.end_lingering();
            std::thread::park_timeout(INTERVAL);
        }
    }

    /// Lets go of windows that have lingered for long enough.
    fn end_lingering(&self) {
        let is_over = |lingering: &Lingering| lingering.since.elapsed() >= self.config.linger;
        let state = self.read();
        let (are_over, is_forgotten) = (state.lingering.iter().any(is_over), state.remembered.is_over());
        drop(state);
        if are_over || is_forgotten {
            let mut state = self.write();
            state.lingering.retain(|lingering| !is_over(lingering));
            state.remembered.end();
        }
    }

    /// Lets go of a window before its time. Which of its traces lack nothing stays known.
    pub(super) fn let_go(&self, lingering: Lingering) {
        let Lingering { window, block, .. } = lingering;
        let traces = OfWindow::new(&window.spans, &block);
        drop(window);
        let mut state = self.write();
        if state.blocks.iter().any(|kept| Arc::ptr_eq(kept, &block)) {
            state.remembered.push(traces);
        }
    }

    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(remote) = &self.remote {
            remote.bucket.stop();
            remote.wake();
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// The blocks and the frozen windows.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.read().snapshot()
    }

    /// The spans of some traces in the windows, and the blocks that may have others.
    pub(super) fn snapshot_for(&self, wanted: &BTreeSet<TraceId>) -> Snapshot {
        let state = self.read();
        let windows = state.windows().chain([&state.live]);
        let found = windows.flat_map(|window| wanted.iter().map(|trace_id| window.trace(*trace_id)));
        Snapshot {
            in_windows: found.filter(|found| !found.is_empty()).collect(),
            blocks: state.blocks_beside_windows().cloned().collect(),
            ..Snapshot::default()
        }
    }

    /// And what a search has to look at in the live window.
    pub(super) fn snapshot_to_search(&self, filter: &SpanFilter) -> Snapshot {
        let state = self.read();
        Snapshot { live: Some(state.live.select(filter)), ..state.snapshot() }
    }

    pub(super) fn services(&self) -> BTreeSet<String> {
        let state = self.read();
        let of_blocks = state.blocks.iter().map(|block| block.services().clone());
        let of_frozen = state.frozen.iter().map(|window| window.spans.services());
        let all = of_blocks.chain(of_frozen).chain([state.live.services()]);
        all.flat_map(ServiceNames::into_names).collect()
    }

    pub(super) fn stats(&self) -> StoreStats {
        let state = self.read();
        let spans =
            state.live.spans() + state.frozen.iter().map(|window| window.spans.spans()).sum::<usize>();
        let is_here = |block: &&Arc<Block>| {
            self.remote.as_ref().is_none_or(|remote| !remote.is_away(block.file_name()))
        };
        let block_bytes: u64 = state.blocks.iter().filter(is_here).map(|block| block.bytes()).sum();
        StoreStats {
            spans_live: spans as u64,
            blocks: state.blocks.len() as u64,
            bytes_on_disk: block_bytes + self.log_bytes.load(Ordering::Relaxed),
        }
    }

    /// Brings the gauges up to date after a change.
    pub(super) fn publish_stats(&self) {
        let stats = self.stats();
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.counters.spans_live.set(gauge(stats.spans_live));
        self.counters.blocks.set(gauge(stats.blocks));
        self.counters.bytes_on_disk.set(gauge(stats.bytes_on_disk));
        if let Some(objects) = self.object_store_status() {
            self.counters.blocks_waiting.set(gauge(objects.blocks_waiting));
            self.counters.block_cache_bytes.set(gauge(objects.bytes_cached));
        }
    }

    /// Takes room for a batch, or refuses it. A batch alone is always taken: waiting would not help it.
    pub(super) fn reserve(&self, spans: usize, bytes: usize) -> Result<Room, StoreError> {
        let room = self.reserve_for_replay(spans, bytes);
        let fits = || {
            let (all_spans, all_bytes) =
                (self.memory.spans.load(Ordering::Relaxed), self.memory.bytes.load(Ordering::Relaxed));
            let is_within = all_spans <= self.memory.max_spans && all_bytes <= self.config.memory_bytes;
            is_within || all_spans == spans
        };
        if fits() {
            return Ok(room);
        }
        let lingering = std::mem::take(&mut self.write().lingering);
        lingering.into_iter().for_each(|lingering| self.let_go(lingering));
        if fits() {
            return Ok(room);
        }
        Err(StoreError::Busy("spans arrive faster than blocks can be written".to_owned()))
    }

    /// Takes room for spans that are on disk already and have to be in memory.
    pub(super) fn reserve_for_replay(&self, spans: usize, bytes: usize) -> Room {
        self.memory.spans.fetch_add(spans, Ordering::Relaxed);
        self.memory.bytes.fetch_add(bytes, Ordering::Relaxed);
        Room { memory: Arc::clone(&self.memory), spans, bytes }
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        Snapshot { blocks: self.blocks.clone(), frozen: self.frozen.clone(), ..Snapshot::default() }
    }

    /// The windows before the live one, those that linger first.
    pub(super) fn windows(&self) -> impl Iterator<Item = &Window> {
        let lingering = self.lingering.iter().map(|lingering| &lingering.window.spans);
        lingering.chain(self.frozen.iter().map(|window| &window.spans))
    }

    /// The blocks whose spans are in none of [`State::windows`].
    pub(super) fn blocks_beside_windows(&self) -> impl Iterator<Item = &Arc<Block>> {
        let lingers =
            |block: &Arc<Block>| self.lingering.iter().any(|lingering| Arc::ptr_eq(&lingering.block, block));
        self.blocks.iter().filter(move |block| !lingers(block))
    }

    /// Puts a block in the place of its window.
    pub(super) fn settle(&mut self, window: &Arc<FrozenWindow>, block: &Arc<Block>) {
        self.frozen.retain(|frozen| !Arc::ptr_eq(frozen, window));
        self.blocks.push(Arc::clone(block));
    }

    /// Keeps a window known that is in a block. Returns one that has to go for it.
    pub(super) fn let_linger(&mut self, window: &Arc<FrozenWindow>, block: &Arc<Block>) -> Option<Lingering> {
        let (window, block) = (Arc::clone(window), Arc::clone(block));
        self.lingering.push_back(Lingering { window, block, since: Instant::now() });
        if self.lingering.len() > MAX_LINGERING { self.lingering.pop_front() } else { None }
    }

    /// Forgets blocks that were removed or merged.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&Arc<Block>) -> bool) {
        self.blocks.retain(|block| !is_gone(block));
        self.lingering.retain(|lingering| !is_gone(&lingering.block));
        self.remembered.forget(is_gone);
    }

    /// Sets the live window aside; what comes next goes to an empty one.
    pub(super) fn freeze(&mut self, segments: (u64, u64)) -> Arc<FrozenWindow> {
        let spans = std::mem::take(&mut self.live);
        let room = std::mem::take(&mut self.live_room);
        let number = self.live_number;
        self.live_number += 1;
        let frozen = Arc::new(FrozenWindow { spans, number, segments, _room: room });
        self.frozen.push(Arc::clone(&frozen));
        frozen
    }
}

#[derive(Debug)]
struct Memory {
    max_spans: usize,
    spans: AtomicUsize,
    bytes: AtomicUsize,
}

/// A part of the memory that spans outside of blocks may take; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    memory: Arc<Memory>,
    spans: usize,
    bytes: usize,
}

impl Room {
    /// Holds what the spans take now that they are in a window: their payload is on disk by then, and most of their
    /// traces were known.
    pub(super) fn settled_at(mut self, bytes: usize) -> Self {
        self.memory.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.memory.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
        self
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.memory.spans.fetch_sub(self.spans, Ordering::Relaxed);
        self.memory.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
