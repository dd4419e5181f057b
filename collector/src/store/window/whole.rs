//! Whether a trace lacks nothing, told by what its spans are found by.

use throughline_model::id::SpanId;
use throughline_model::span::SpanKind;

use crate::store::batch::Head;

/// Larger traces are read.
const MAX_SPANS: usize = 4_096;

/// Whether spans are one tree beyond doubt: one root, every parent there, every client span with a server span under it. A
/// span that came twice, or that shares its id with another, is cause for doubt.
pub(in crate::store) fn is_surely_whole(mut heads: Vec<Head>) -> bool {
    if heads.is_empty() || heads.len() > MAX_SPANS {
        return false;
    }
    heads.sort_unstable_by_key(|head| head.span_id);
    if heads.windows(2).any(|pair| matches!(pair, [one, other] if one.span_id == other.span_id)) {
        return false;
    }
    let place_of = |id: SpanId| heads.binary_search_by_key(&id, |head| head.span_id).ok();
    let mut under: Vec<(usize, usize)> = Vec::with_capacity(heads.len());
    let mut root = None;
    for (place, head) in heads.iter().enumerate() {
        match head.parent_span_id {
            None if root.is_none() => root = Some(place),
            None => return false,
            Some(parent) => match place_of(parent) {
                Some(parent) => under.push((parent, place)),
                None => return false,
            },
        }
    }
    under.sort_unstable();
    let children = |of: usize| {
        let begin = under.partition_point(|(parent, _)| *parent < of);
        under.iter().skip(begin).take_while(move |(parent, _)| *parent == of).map(|(_, child)| *child)
    };
    // Spans that are not reached from the root lead back to themselves.
    let mut reached: Vec<usize> = root.into_iter().collect();
    let mut next = 0;
    while let Some(place) = reached.get(next).copied() {
        let is_client = heads.get(place).is_some_and(|head| head.kind == SpanKind::Client);
        let is_server = |child: usize| heads.get(child).is_some_and(|head| head.kind == SpanKind::Server);
        if is_client && !children(place).any(is_server) {
            return false;
        }
        reached.extend(children(place));
        next += 1;
    }
    reached.len() == heads.len()
}

#[cfg(test)]
mod tests;
