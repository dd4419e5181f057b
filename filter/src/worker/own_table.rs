//! The table of request ids while this worker is alone: in its own memory, where a look costs no call to the host.

use crate::host::{Host, Refused, SharedValue};
use crate::inflight::{SLOTS, Table, key_of};

/// The same slots with the same bytes as in the table that all workers share.
#[derive(Debug, Default)]
pub(super) struct OwnTable {
    /// None before the first is written, then all of them.
    slots: Vec<SharedValue>,
}

impl OwnTable {
    /// This worker is alone from now on.
    pub(super) fn fetch(&mut self, host: &mut impl Host) {
        self.slots = (0..SLOTS).map(|slot| host.shared_value(&key_of(slot))).collect();
    }

    /// Another worker serves too from now on. Where that one has written already, its word stands. Whether everything is
    /// there now.
    pub(super) fn hand_over(&mut self, host: &mut impl Host) -> bool {
        let mut is_all_there = true;
        for (slot, value) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            if value.bytes.is_empty() {
                continue;
            }
            let key = key_of(slot);
            let there = host.shared_value(&key);
            // What was fetched from there and has not changed since may be replaced as well.
            let may_be_replaced = there.bytes.is_empty() || there.version <= value.version;
            let is_there =
                may_be_replaced && host.set_shared_value(&key, &value.bytes, there.version).is_ok();
            is_all_there &= is_there;
        }
        is_all_there
    }
}

impl Table for OwnTable {
    fn look(&mut self, slot: usize, look: &mut dyn FnMut(&[u8])) {
        look(self.slots.get(slot).map(|value| value.bytes.as_slice()).unwrap_or_default());
    }

    /// One worker does one thing at a time: nobody else can have written.
    fn change(&mut self, slot: usize, change: &mut dyn FnMut(&mut Vec<u8>)) -> Result<(), Refused> {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, SharedValue::default);
        }
        let value = self.slots.get_mut(slot).ok_or(Refused)?;
        change(&mut value.bytes);
        Ok(())
    }
}
