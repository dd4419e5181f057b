//! Whether a trace lacks nothing, told by what its spans are found by.

use throughline_model::id::SpanId;
use throughline_model::span::SpanKind;

use crate::store::batch::Head;

/// Larger traces are read.
const MAX_SPANS: usize = 4_096;

/// A span of a tree: its place among the heads, and the place in the tree of its parent.
pub(in crate::store) type Placed = (usize, Option<usize>);

/// The tree of spans that are one tree beyond doubt, parents before their children: one root, every parent there, every
/// client span with a server span under it. `None` where a span came twice, or shares its id with another, too.
pub(in crate::store) fn tree<'a>(heads: &[impl AsRef<Head> + 'a]) -> Option<Vec<Placed>> {
    if heads.is_empty() || heads.len() > MAX_SPANS {
        return None;
    }
    let head = |place: usize| heads.get(place).map(AsRef::as_ref);
    let mut by_id: Vec<(SpanId, usize)> =
        heads.iter().enumerate().map(|(place, head)| (head.as_ref().span_id, place)).collect();
    by_id.sort_unstable();
    if by_id.windows(2).any(|pair| matches!(pair, [one, other] if one.0 == other.0)) {
        return None;
    }
    let place_of = |id: SpanId| {
        let found = by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        by_id.get(found).map(|(_, place)| *place)
    };
    let mut under: Vec<(usize, usize)> = Vec::with_capacity(heads.len());
    let mut root = None;
    for (place, head) in heads.iter().enumerate() {
        match head.as_ref().parent_span_id {
            None if root.is_none() => root = Some(place),
            None => return None,
            Some(parent) => under.push((place_of(parent)?, place)),
        }
    }
    under.sort_unstable();
    let children = |of: usize| {
        let begin = under.partition_point(|(parent, _)| *parent < of);
        under.iter().skip(begin).take_while(move |(parent, _)| *parent == of).map(|(_, child)| *child)
    };
    // Spans that are not reached from the root lead back to themselves.
    let mut reached: Vec<Placed> = Vec::with_capacity(heads.len());
    reached.extend(root.map(|root| (root, None)));
    let mut next = 0;
    while let Some((place, _)) = reached.get(next).copied() {
        let is_client = head(place).is_some_and(|head| head.kind == SpanKind::Client);
        let is_server = |child: usize| head(child).is_some_and(|head| head.kind == SpanKind::Server);
        if is_client && !children(place).any(is_server) {
            return None;
        }
        reached.extend(children(place).map(|child| (child, Some(next))));
        next += 1;
    }
    (reached.len() == heads.len()).then_some(reached)
}

#[cfg(test)]
mod tests;
