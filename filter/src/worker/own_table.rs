//! The table of request ids while this worker is alone: in its own memory, where a look costs no call to the host.

use std::collections::HashMap;

use crate::host::{Host, Refused, SharedTable, SharedValue};
use crate::inflight;

/// The same keys and values as in the table that all workers share; as many as the slots there.
#[derive(Debug, Default)]
pub(super) struct OwnTable {
    values: HashMap<String, SharedValue>,
}

impl OwnTable {
    /// This worker is alone from now on.
    pub(super) fn fetch(&mut self, host: &mut impl Host) {
        for key in inflight::keys() {
            let value = host.shared_value(&key);
            if !value.bytes.is_empty() {
                self.values.insert(key, value);
            }
        }
    }

    /// Another worker serves too from now on. Where that one has written already, its word stands: a link may be
    /// missed, and none is made up.
    pub(super) fn hand_over(&mut self, host: &mut impl Host) {
        for (key, value) in self.values.drain() {
            let there = host.shared_value(&key);
            // What was fetched from there and has not changed since may be replaced as well.
            if there.bytes.is_empty() || there.version <= value.version {
                let _ = host.set_shared_value(&key, &value.bytes, there.version);
            }
        }
    }
}

impl SharedTable for OwnTable {
    fn shared_value(&mut self, key: &str) -> SharedValue {
        self.values.get(key).cloned().unwrap_or_default()
    }

    fn set_shared_value(&mut self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused> {
        // One worker does one thing at a time: nobody else can have written.
        let value = SharedValue { bytes: bytes.to_vec(), version };
        self.values.insert(key.to_owned(), value);
        Ok(())
    }
}
