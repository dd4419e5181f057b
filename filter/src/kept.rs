//! Requests inside this sidecar of which something they caused is kept, in the store that all workers share: the mark
//! crosses from the outbound to the inbound side although the application copies no response headers.
//!
//! Keys of the shared store can never be erased, so there is a fixed number of slots with a few span ids each. An
//! entry goes when its request is answered; one whose request was answered before is pushed out some time.

use throughline_model::id::SpanId;

use crate::host::{Host, Refused};

/// Number of slots.
const SLOTS: u64 = 256;
/// Most entries of a slot.
const MAX_ENTRIES: usize = 16;
/// How often a write that lost a race against another worker is tried again.
const MAX_TRIES: usize = 8;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 8;

/// Marks the request whose span this is. `Refused` when other workers were faster too often.
pub fn mark(host: &mut impl Host, request: SpanId) -> Result<(), Refused> {
    let id = request.as_bytes();
    change_slot(host, request, |entries| {
        if entries.contains(id) {
            return None;
        }
        let room = entries.len().saturating_sub(MAX_ENTRIES - 1);
        Some(entries.iter().skip(room).chain([id]).flatten().copied().collect())
    })
}

/// Whether the request whose span this is was marked; the mark is taken away. For a request without a mark this
/// is a look at a key that is mostly empty.
pub fn take(host: &mut impl Host, request: SpanId) -> bool {
    let id = request.as_bytes();
    let mut is_marked = false;
    // Where other workers are faster each time, the mark stays, and is pushed out some time.
    let _ = change_slot(host, request, |entries| {
        is_marked = entries.contains(id);
        is_marked.then(|| entries.iter().filter(|entry| *entry != id).flatten().copied().collect())
    });
    is_marked
}

fn change_slot(
    host: &mut impl Host,
    request: SpanId,
    mut change: impl FnMut(&[[u8; ENTRY_BYTES]]) -> Option<Vec<u8>>,
) -> Result<(), Refused> {
    // Span ids are random, so their bytes are as good as a hash.
    let key = format!("throughline.kept.{}", u64::from_be_bytes(*request.as_bytes()) % SLOTS);
    for _ in 0..MAX_TRIES {
        let value = host.shared_value(&key);
        let (entries, _) = value.bytes.as_chunks::<ENTRY_BYTES>();
        let Some(changed) = change(entries) else { return Ok(()) };
        if host.set_shared_value(&key, &changed, value.version).is_ok() {
            return Ok(());
        }
    }
    Err(Refused)
}

#[cfg(test)]
mod tests;
