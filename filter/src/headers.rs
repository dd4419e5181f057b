//! A header map as the host hands it over: one buffer, names and values as bytes, never assumed to be text.

/// Most headers that are looked at; Envoy's own limit is 100 by default.
const MAX_HEADERS: usize = 1024;

/// The headers of one message, in order; lookups are by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a name and its value end; the name starts where the entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: usize,
    name_length: usize,
    value_length: usize,
}

impl Headers {
    /// Takes the serialized map of the proxy-wasm ABI 0.2.1: a count, the pairs of lengths, then each name and
    /// value followed by a zero byte, all numbers 32 bits little-endian. What does not fit the form is left out.
    pub fn from_serialized(bytes: Vec<u8>) -> Self {
        let count = number_at(&bytes, 0).unwrap_or(0).min(MAX_HEADERS);
        let stated = number_at(&bytes, 0).unwrap_or(0);
        let mut start = 4usize.saturating_add(stated.saturating_mul(8));
        let mut entries = Vec::with_capacity(count);
        for index in 0..count {
            let Some((name_length, value_length)) = lengths_at(&bytes, index) else { break };
            let next = start.saturating_add(name_length).saturating_add(value_length).saturating_add(2);
            if next > bytes.len() {
                break;
            }
            entries.push(Entry { start, name_length, value_length });
            start = next;
        }
        Self { bytes, entries }
    }

    /// Builds a map from pairs; for hosts that are not Envoy.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let start = headers.bytes.len();
            headers.bytes.extend_from_slice(name);
            headers.bytes.push(0);
            headers.bytes.extend_from_slice(value);
            headers.bytes.push(0);
            headers.entries.push(Entry { start, name_length: name.len(), value_length: value.len() });
        }
        headers
    }

    /// The first value of a header.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        // Most names differ in length already, which saves a look at their bytes.
        let of_length = self.entries.iter().filter(|entry| entry.name_length == name.len());
        of_length
            .filter_map(|entry| self.pair(entry))
            .find(|(candidate, _)| *candidate == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first value of a header, if it is not empty and printable ASCII.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        let value = self.get(name).filter(|value| !value.is_empty())?;
        // The standard library looks at whole words, and a pass without early end is short.
        let is_printable = value.iter().fold(true, |so_far, byte| so_far & matches!(byte, 0x20..=0x7e));
        if is_printable { std::str::from_utf8(value).ok() } else { None }
    }

    /// Every value of a header, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.iter().filter(move |(candidate, _)| *candidate == name.as_bytes()).map(|(_, value)| value)
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().filter_map(|entry| self.pair(entry))
    }

    fn pair(&self, entry: &Entry) -> Option<(&[u8], &[u8])> {
        let name_end = entry.start + entry.name_length;
        let value_start = name_end + 1;
        let name = self.bytes.get(entry.start..name_end)?;
        let value = self.bytes.get(value_start..value_start + entry.value_length)?;
        Some((name, value))
    }

    /// Whether there is no header at all, as for a request that was refused before it could be read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn lengths_at(bytes: &[u8], index: usize) -> Option<(usize, usize)> {
    let at = 4usize.checked_add(index.checked_mul(8)?)?;
    Some((number_at(bytes, at)?, number_at(bytes, at.checked_add(4)?)?))
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let raw: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(raw)).ok()
}

#[cfg(test)]
mod tests;
