//! Random ids from a pool, because one crossing of the boundary costs the same for 8 bytes as for 1,024.

use throughline_model::id::{SpanId, TraceId};

use crate::host::Host;

const POOL_BYTES: usize = 1024;

/// Random bytes bought in bulk.
#[derive(Debug)]
pub struct RandomPool {
    pool: [u8; POOL_BYTES],
    used: usize,
    /// Feeds the ids when the host has no randomness to give.
    fallback: u64,
}

impl RandomPool {
    /// An empty pool: the first id fills it.
    pub fn new() -> Self {
        Self { pool: [0; POOL_BYTES], used: POOL_BYTES, fallback: 0 }
    }

    /// A new trace id: all 16 bytes are random.
    pub fn trace_id(&mut self, host: &mut impl Host) -> TraceId {
        let bytes = self.take::<16>(host);
        // Only a broken source of randomness gives zeros, and an id must not be zero.
        TraceId::from_bytes(&bytes).unwrap_or(TraceId::ONE)
    }

    /// A new span id.
    pub fn span_id(&mut self, host: &mut impl Host) -> SpanId {
        let bytes = self.take::<8>(host);
        SpanId::from_bytes(&bytes).unwrap_or(SpanId::ONE)
    }

    fn take<const N: usize>(&mut self, host: &mut impl Host) -> [u8; N] {
        if self.used + N > POOL_BYTES {
            self.refill(host);
        }
        let taken = self.pool.get(self.used..self.used + N).and_then(|bytes| bytes.try_into().ok());
        self.used += N;
        taken.unwrap_or([0; N])
    }

    fn refill(&mut self, host: &mut impl Host) {
        self.used = 0;
        if host.fill_random(&mut self.pool).is_ok() {
            return;
        }
        // Ids must differ even then: a well-mixed sequence that starts from both clocks (SplitMix64).
        if self.fallback == 0 {
            self.fallback = host.wall_clock_ns() ^ host.monotonic_ns().rotate_left(32);
        }
        for chunk in self.pool.chunks_exact_mut(8) {
            self.fallback = self.fallback.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.fallback ^ (self.fallback >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk
                .iter_mut()
                .zip((mixed ^ (mixed >> 31)).to_le_bytes())
                .for_each(|(target, byte)| *target = byte);
        }
    }
}

impl Default for RandomPool {
    fn default() -> Self {
        Self::new()
    }
}
