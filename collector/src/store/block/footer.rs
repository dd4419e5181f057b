//! What a block says about itself in its footer, so that the store can be rebuilt from the blocks alone.

use std::collections::BTreeSet;

use parquet::file::metadata::{FileMetaData, KeyValue};

use super::BlockError;
use crate::store::services::ServiceNames;

const FORMAT: &str = "throughline.format";
const FORMAT_VERSION: &str = "1";
const MIN_START: &str = "throughline.min_start_unix_ns";
const MAX_START: &str = "throughline.max_start_unix_ns";
const WRITTEN: &str = "throughline.written_unix_ns";
const FIRST_SEGMENT: &str = "throughline.first_segment";
const LAST_SEGMENT: &str = "throughline.last_segment";
/// A JSON list: a name may hold any character.
const SERVICES: &str = "throughline.services";
/// `1` when the list leaves services out.
const MORE_SERVICES: &str = "throughline.more_services";
/// A JSON list of attributes that have a column and that some span has with a value of another type as well.
const INLINE: &str = "throughline.inline_attributes";

/// How often spans were merged into other blocks; absent in a block that never was.
const LEVEL: &str = "throughline.level";

/// The facts in a footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) min_start_unix_ns: u64,
    pub(super) max_start_unix_ns: u64,
    pub(super) written_unix_ns: u64,
    pub(super) first_segment: u64,
    pub(super) last_segment: u64,
    pub(super) services: ServiceNames,
    /// Attributes with a column whose values are not all there; `None` when that is not known.
    pub(super) inline: Option<BTreeSet<String>>,
    /// Zero for a block that was a window; one more than its parts for a merged one.
    pub(super) level: u32,
}

impl Footer {
    /// All but what is inline.
    pub(super) fn entries(&self) -> Vec<KeyValue> {
        let services = serde_json::Value::from_iter(self.services.names().iter().cloned());
        [
            (FORMAT, FORMAT_VERSION.to_owned()),
            (MIN_START, self.min_start_unix_ns.to_string()),
            (MAX_START, self.max_start_unix_ns.to_string()),
            (WRITTEN, self.written_unix_ns.to_string()),
            (FIRST_SEGMENT, self.first_segment.to_string()),
            (LAST_SEGMENT, self.last_segment.to_string()),
            (SERVICES, services.to_string()),
            (LEVEL, self.level.to_string()),
            (MORE_SERVICES, u64::from(self.services.has_more()).to_string()),
        ]
        .into_iter()
        .map(|(key, value)| KeyValue::new(key.to_owned(), value))
        .collect()
    }

    /// The entry of the attributes that are inline.
    pub(super) fn inline_entry(inline: &BTreeSet<String>) -> KeyValue {
        let list = serde_json::Value::from_iter(inline.iter().cloned());
        KeyValue::new(INLINE.to_owned(), list.to_string())
    }

    /// Whether values of an attribute with a column may lie outside of it.
    pub(super) fn may_be_inline(&self, key: &str) -> bool {
        self.inline.as_ref().is_none_or(|inline| inline.contains(key))
    }

    pub(super) fn read(metadata: &FileMetaData) -> Result<Self, BlockError> {
        let entries = metadata.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let text = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key);
            entry
                .and_then(|entry| entry.value.as_deref())
                .ok_or(BlockError::Damaged("its footer lacks a fact"))
        };
        let number = |key: &str| {
            text(key)?
                .parse::<u64>()
                .map_err(|_| BlockError::Damaged("its footer has a fact that is no number"))
        };
        if text(FORMAT)? != FORMAT_VERSION {
            return Err(BlockError::Damaged("it was written by another version"));
        }
        let names = serde_json::from_str(text(SERVICES)?)
            .map_err(|_| BlockError::Damaged("its list of services is not readable"))?;
        Ok(Self {
            min_start_unix_ns: number(MIN_START)?,
            max_start_unix_ns: number(MAX_START)?,
            written_unix_ns: number(WRITTEN)?,
            first_segment: number(FIRST_SEGMENT)?,
            last_segment: number(LAST_SEGMENT)?,
            services: match number(MORE_SERVICES)? {
                0 => ServiceNames::all(names),
                _ => ServiceNames::some(names),
            },
            level: text(LEVEL).ok().and_then(|level| level.parse().ok()).unwrap_or_default(),
            // A list that cannot be read costs time and no answer.
            inline: text(INLINE).ok().and_then(|list| serde_json::from_str(list).ok()),
        })
    }
}
