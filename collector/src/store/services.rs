//! Which services spans are kept of: a bounded list, because the names come from the network.

use std::collections::BTreeSet;

/// Services of one window or block that are listed by name.
const MAX_NAMES: usize = 1_024;
/// Longer names are not listed.
const MAX_NAME_BYTES: usize = 256;

/// Names of services, and whether there were more than the list takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceNames {
    names: BTreeSet<String>,
    has_more: bool,
}

impl ServiceNames {
    /// A list that names every service.
    pub(super) fn all(names: BTreeSet<String>) -> Self {
        Self { names, has_more: false }
    }

    /// A list that leaves services out.
    pub(super) fn some(names: BTreeSet<String>) -> Self {
        Self { names, has_more: true }
    }

    pub(super) fn insert(&mut self, name: &str) {
        if self.names.contains(name) {
            return;
        }
        if self.names.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES {
            self.names.insert(name.to_owned());
        } else {
            self.has_more = true;
        }
    }

    /// Whether spans of this service may be kept.
    pub(super) fn may_contain(&self, name: &str) -> bool {
        self.has_more || self.names.contains(name)
    }

    /// The names that are listed.
    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The names that are listed.
    pub(super) fn into_names(self) -> BTreeSet<String> {
        self.names
    }

    /// Whether there are services that are not listed; they can be searched for all the same.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }
}

#[cfg(test)]
mod tests;
