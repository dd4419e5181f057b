//! Traces that lack nothing, told without reading a span.

use std::sync::Arc;

use throughline_model::id::TraceId;

use super::state::{Shared, State};
use crate::store::batch::Head;
use crate::store::block::Block;
use crate::store::whole::{WholeSpan, WholeTrace};
use crate::store::window::{Window, whole};

/// Traces that are looked up under one lock.
const LOOKED_UP_TOGETHER: usize = 64;
/// A block whose latest span began so long before a trace holds none of it.
const EARLIER_NS: u64 = 60 * 1_000_000_000;

/// A span, and the window whose names it refers to.
struct Known<'a> {
    head: &'a Head,
    window: &'a Window,
}

impl AsRef<Head> for Known<'_> {
    fn as_ref(&self) -> &Head {
        self.head
    }
}

impl Shared {
    pub(super) fn are_surely_whole(&self, trace_ids: &[TraceId]) -> Vec<bool> {
        let judge = |state: &State, trace_id: &TraceId| {
            tree(state, *trace_id).is_some() || is_remembered(state, *trace_id)
        };
        self.look_up(trace_ids, judge)
    }

    pub(super) fn whole_traces(&self, trace_ids: &[TraceId]) -> Vec<Option<WholeTrace>> {
        self.look_up(trace_ids, |state, trace_id| {
            let (known, tree) = tree(state, *trace_id)?;
            let span = |(place, parent): (usize, Option<usize>)| {
                let Known { head, window } = known.get(place)?;
                let (service, name) = window.names_of(head)?;
                Some(WholeSpan { parent, kind: head.kind, service: service.clone(), name: name.clone() })
            };
            Some(WholeTrace {
                trace_id: *trace_id,
                spans: tree.into_iter().map(span).collect::<Option<_>>()?,
            })
        })
    }

    fn look_up<T>(&self, trace_ids: &[TraceId], one: impl Fn(&State, &TraceId) -> T) -> Vec<T> {
        let mut found = Vec::with_capacity(trace_ids.len());
        for together in trace_ids.chunks(LOOKED_UP_TOGETHER) {
            let state = self.read();
            found.extend(together.iter().map(|trace_id| one(&state, trace_id)));
        }
        found
    }
}

/// Whether a trace was whole when its window was let go, and no span of it is anywhere else.
fn is_remembered(state: &State, trace_id: TraceId) -> bool {
    let Some(block) = state.remembered.block_of(trace_id) else {
        return false;
    };
    let mut windows = state.windows().chain([&state.live]);
    let mut others = state.blocks_beside_windows().filter(|other| !Arc::ptr_eq(other, block));
    windows.all(|window| window.heads_of(trace_id).next().is_none())
        && !others.any(|other| may_have(other, trace_id, block.min_start_unix_ns()))
}

/// Whether a block may have spans of a trace whose earliest known one began then.
fn may_have(block: &Block, trace_id: TraceId, earliest_unix_ns: u64) -> bool {
    block.max_start_unix_ns().saturating_add(EARLIER_NS) >= earliest_unix_ns && block.may_have(trace_id)
}

/// The spans of a trace and their tree; `None` where something may be missing, or may be in a block.
fn tree(state: &State, trace_id: TraceId) -> Option<(Vec<Known<'_>>, Vec<whole::Placed>)> {
    let windows = state.windows().chain([&state.live]);
    let known: Vec<Known<'_>> = windows
        .flat_map(|window| window.heads_of(trace_id).map(move |head| Known { head, window }))
        .collect();
    let tree = whole::tree(&known)?;
    let earliest = known.iter().map(|known| known.head.start_unix_ns).min()?;
    let is_in_block = state.blocks_beside_windows().any(|block| may_have(block, trace_id, earliest));
    (!is_in_block).then_some((known, tree))
}
