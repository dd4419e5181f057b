//! Since when each receiver is there: what was over by then is no news to it.

use std::collections::BTreeMap;

use super::Book;

impl Book {
    /// Says who is told from now on. Who is new, or was away, hears of what fires and not of what is over. Returns whether
    /// anybody came or went.
    pub fn set_receivers(&mut self, now_unix_s: u64, names: &[&str]) -> bool {
        let known = self.receivers.take();
        let told = self.told_receivers();
        let since = |name: &str| known.as_ref().unwrap_or(&told).get(name).copied().unwrap_or(now_unix_s);
        let receivers = names.iter().map(|name| ((*name).to_owned(), since(name))).collect();
        let is_changed = known.as_ref() != Some(&receivers);
        self.receivers = Some(receivers);
        is_changed
    }

    /// Since when a receiver is there.
    pub(super) fn since_of(&self, receiver: &str) -> u64 {
        self.receivers.as_ref().and_then(|receivers| receivers.get(receiver)).copied().unwrap_or(0)
    }

    /// An older book does not say who was there; whoever it told of something was.
    fn told_receivers(&self) -> BTreeMap<String, u64> {
        self.alerts.iter().flat_map(|alert| alert.told.keys()).map(|name| (name.clone(), 0)).collect()
    }
}
