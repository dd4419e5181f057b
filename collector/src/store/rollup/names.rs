//! Names that are held once and known by a number, however often they occur.

use std::sync::Arc;

use super::UNKNOWN;
use crate::store::hash::FastMap;
use crate::store::text::shown;

/// Longer names are cut: they come from the network, and are kept for long.
const MAX_NAME_BYTES: usize = 256;

/// The number of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(u32);

#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: FastMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// More names than this are too many to hold: [`Names::renew`].
    const LIMIT: usize = 50_000;

    /// The number of a name, a new one if it is new. Bytes that are not UTF-8 count as the text that spans show.
    pub(super) fn get(&mut self, name: &[u8]) -> Name {
        let text = shown(name);
        let text = cut(&text);
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let new: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&new));
        self.numbers.insert(new, number);
        number
    }

    pub(super) fn text(&self, name: Name) -> Arc<str> {
        self.texts.get(name.0 as usize).map_or_else(|| Arc::from(UNKNOWN), Arc::clone)
    }

    /// Begins anew when there are too many names, and hands out the old ones: who holds numbers has to ask for new ones.
    pub(super) fn renew(&mut self) -> Option<Self> {
        (self.texts.len() >= Self::LIMIT).then(|| std::mem::take(self))
    }
}

fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(MAX_NAME_BYTES);
    name.get(..end).unwrap_or(name)
}
