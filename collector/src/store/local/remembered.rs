//! Traces of a window that had to be let go before they were quiet, and that lacked nothing: their spans are in a block by
//! then, and reading them back only to see that again would cost more than all else that is done for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline_model::id::TraceId;

use crate::store::block::Block;
use crate::store::window::{Window, whole};

/// For how long: whoever judges a trace does so soon after it went quiet.
const KEPT: Duration = Duration::from_secs(10);
/// Traces that are remembered at most, those of the window that went last whatever they are.
const MAX_TRACES: usize = 500_000;

/// The whole traces of some windows, by the block that has their spans.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    windows: VecDeque<OfWindow>,
}

/// The traces of one window that had a span in it and lacked nothing.
#[derive(Debug)]
pub(super) struct OfWindow {
    block: Arc<Block>,
    /// In order.
    traces: Vec<TraceId>,
    since: Instant,
}

impl OfWindow {
    /// Looks at every trace of a window whose spans are in a block.
    pub(super) fn new(window: &Window, block: &Arc<Block>) -> Self {
        let is_whole = |trace_id: &TraceId| {
            let heads: Vec<_> = window.heads_of(*trace_id).collect();
            whole::tree(&heads).is_some()
        };
        let mut traces: Vec<TraceId> = window.trace_ids().filter(is_whole).collect();
        traces.sort_unstable();
        Self { block: Arc::clone(block), traces, since: Instant::now() }
    }
}

impl Remembered {
    /// Remembers one more window, and forgets those that are too old or too many.
    pub(super) fn push(&mut self, window: OfWindow) {
        self.windows.push_back(window);
        let traces = |windows: &VecDeque<OfWindow>| windows.iter().map(|one| one.traces.len()).sum::<usize>();
        while self.windows.len() > 1 && traces(&self.windows) > MAX_TRACES {
            self.windows.pop_front();
        }
        self.end();
    }

    /// Whether something is remembered that is too old.
    pub(super) fn is_over(&self) -> bool {
        self.windows.front().is_some_and(|window| window.since.elapsed() >= KEPT)
    }

    /// Forgets what is too old.
    pub(super) fn end(&mut self) {
        while self.is_over() {
            self.windows.pop_front();
        }
    }

    /// Forgets the traces of blocks that are gone.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&Arc<Block>) -> bool) {
        self.windows.retain(|window| !is_gone(&window.block));
    }

    /// The block in which a trace lacks nothing.
    pub(super) fn block_of(&self, trace_id: TraceId) -> Option<&Arc<Block>> {
        let has = |window: &&OfWindow| window.traces.binary_search(&trace_id).is_ok();
        self.windows.iter().find(has).map(|window| &window.block)
    }
}
