//! Who holds a prefix: one collector at a time, so that no two remove each other's blocks.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A collector, and this run of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Owner {
    /// The same after a restart.
    pub(in crate::store) name: String,
    /// Another one after a restart: an earlier process that still runs sees by it that it was replaced.
    session: String,
}

/// What an object says about who holds the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Standing {
    /// This process.
    Ours,
    /// A process of the same name.
    Namesake,
    Other,
}

impl Owner {
    /// This process under a name.
    pub(in crate::store) fn new(name: String) -> Self {
        Self { name, session: random() }
    }

    /// What the object says.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n", self.name, self.session)
    }

    /// Reads what an object says: the name in the first line, the session in the second.
    pub(super) fn standing(&self, found: &str) -> Standing {
        let mut lines = found.lines();
        match (lines.next() == Some(&self.name), lines.next() == Some(&self.session)) {
            (true, true) => Standing::Ours,
            (true, false) => Standing::Namesake,
            (false, _) => Standing::Other,
        }
    }
}

/// A name that nobody else has: each state has random keys.
pub(in crate::store) fn random() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests;
