//! Names that repeat, each kept once and known by a number: a bounded list, because they come from the network.

use std::sync::Arc;

use crate::store::hash::FastMap;
use crate::store::services::ServiceNames;
use crate::store::text::shown;

/// The number of every name that the list has no place for.
pub(super) const UNLISTED: u32 = u32::MAX;
/// Longer names are not listed.
const MAX_NAME_BYTES: usize = 256;

/// The names of a window.
#[derive(Debug)]
pub(super) struct Names {
    ids: FastMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    max: usize,
    has_unlisted: bool,
}

/// What is known of the number of a name that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Any name is right.
    Any,
    /// Spans with this number have it, and no others.
    Id(u32),
    /// Spans with [`UNLISTED`] may have it, and no others.
    Unlisted,
    /// No span has it.
    Nowhere,
}

impl Names {
    pub(super) fn new(max: usize) -> Self {
        Self { ids: FastMap::default(), texts: Vec::new(), max, has_unlisted: false }
    }

    /// The number of a name, a new one if it is new. Bytes that are not UTF-8 count as the text that spans show.
    pub(super) fn id_of_bytes(&mut self, name: &[u8]) -> u32 {
        let text = shown(name);
        if let Some(id) = self.ids.get(text.as_ref()) {
            return *id;
        }
        if self.ids.len() >= self.max || text.len() > MAX_NAME_BYTES {
            self.has_unlisted = true;
            return UNLISTED;
        }
        let id = self.ids.len() as u32;
        let text: Arc<str> = Arc::from(text.as_ref());
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    /// The name with a number; `None` for [`UNLISTED`].
    pub(super) fn text(&self, id: u32) -> Option<&Arc<str>> {
        self.texts.get(id as usize)
    }

    /// Which spans may have a name.
    pub(super) fn find(&self, wanted: Option<&str>) -> Wanted {
        let Some(name) = wanted else { return Wanted::Any };
        match self.ids.get(name) {
            Some(id) => Wanted::Id(*id),
            None if self.has_unlisted => Wanted::Unlisted,
            None => Wanted::Nowhere,
        }
    }

    /// All of them, as services.
    pub(super) fn listed(&self) -> ServiceNames {
        let mut services = ServiceNames::default();
        self.ids.keys().for_each(|name| services.insert(name));
        if self.has_unlisted { ServiceNames::some(services.into_names()) } else { services }
    }
}

impl Wanted {
    /// Whether a span with this number can have the name.
    pub(super) fn admits(self, id: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Id(wanted) => wanted == id,
            Self::Unlisted => id == UNLISTED,
            Self::Nowhere => false,
        }
    }

    /// Whether a span that is admitted still has to be read to be sure.
    pub(super) fn is_unsure(self) -> bool {
        self == Self::Unlisted
    }
}
