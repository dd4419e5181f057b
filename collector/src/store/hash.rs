//! Maps of what comes by the million: their hash is keyed anew in each process, as the standard one is, and far cheaper.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;

/// A map whose order and hashes no sender can foresee.
pub(super) type FastMap<K, V> = HashMap<K, V, RandomState>;
/// A set of the same kind.
pub(super) type FastSet<K> = HashSet<K, RandomState>;
