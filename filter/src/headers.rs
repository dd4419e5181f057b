//! A header map as the host hands it over: one buffer, names and values as bytes, never assumed to be text.

use throughline_model::context::{TRACEPARENT, TRACESTATE};

/// Most headers that are looked at; Envoy's own limit is 100 by default.
const MAX_HEADERS: usize = 1024;

/// The headers that are asked for in nearly every request: where each stands first is noted when a map is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// `:path`
    Path,
    /// `:method`
    Method,
    /// `:authority`
    Authority,
    /// `:scheme`
    Scheme,
    /// `:protocol`
    Protocol,
    /// `accept`
    Accept,
    /// `content-type`
    ContentType,
    /// [`TRACEPARENT`]
    TraceParent,
    /// [`TRACESTATE`]
    TraceState,
    /// `upgrade`
    Upgrade,
    /// `user-agent`
    UserAgent,
    /// `x-forwarded-for`
    ForwardedFor,
    /// `x-request-id`
    RequestId,
}

impl Known {
    /// By name. The length alone rules most of them out.
    fn of(name: &[u8]) -> Option<Self> {
        match name.len() {
            5 => (name == b":path").then_some(Self::Path),
            6 => (name == b"accept").then_some(Self::Accept),
            7 => match name {
                b":method" => Some(Self::Method),
                b":scheme" => Some(Self::Scheme),
                b"upgrade" => Some(Self::Upgrade),
                _ => None,
            },
            9 => (name == b":protocol").then_some(Self::Protocol),
            10 => match name {
                b":authority" => Some(Self::Authority),
                b"user-agent" => Some(Self::UserAgent),
                _ => (name == TRACESTATE.as_bytes()).then_some(Self::TraceState),
            },
            11 => (name == TRACEPARENT.as_bytes()).then_some(Self::TraceParent),
            12 => match name {
                b"x-request-id" => Some(Self::RequestId),
                b"content-type" => Some(Self::ContentType),
                _ => None,
            },
            15 => (name == b"x-forwarded-for").then_some(Self::ForwardedFor),
            _ => None,
        }
    }
}

/// How many there are.
const KNOWN: usize = Known::RequestId as usize + 1;
/// Stands for the place of a header that is not there.
const ABSENT: u16 = u16::MAX;

/// The headers of one message, in order; names are lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The places in `entries` of the known ones.
    first: [u16; KNOWN],
    /// No header was left out.
    are_all: bool,
}

impl Default for Headers {
    fn default() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), first: [ABSENT; KNOWN], are_all: false }
    }
}

/// Where a name and its value end; the name starts where the entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: usize,
    name_length: usize,
    value_length: usize,
    is_known: bool,
}

impl Headers {
    /// Takes the serialized map of the proxy-wasm ABI 0.2.1: a count, the pairs of lengths, then each name and
    /// value followed by a zero byte, all numbers 32 bits little-endian. What does not fit the form is left out.
    pub fn from_serialized(bytes: Vec<u8>) -> Self {
        let Some((stated, behind)) = bytes.split_first_chunk::<4>() else { return Self::default() };
        let stated = u32::from_le_bytes(*stated) as usize;
        let (lengths, _) = behind.as_chunks::<8>();
        let lengths = lengths.get(..stated.min(MAX_HEADERS)).unwrap_or(lengths);
        let mut headers = Self { entries: Vec::with_capacity(lengths.len()), ..Self::default() };
        let mut start = 4usize.saturating_add(stated.saturating_mul(8));
        for [a, b, c, d, e, f, g, h] in lengths.iter().copied() {
            let name_length = u32::from_le_bytes([a, b, c, d]) as usize;
            let value_length = u32::from_le_bytes([e, f, g, h]) as usize;
            let next = start.saturating_add(name_length).saturating_add(value_length).saturating_add(2);
            if next > bytes.len() {
                break;
            }
            headers.push(&bytes, start, name_length, value_length);
            start = next;
        }
        headers.are_all = headers.entries.len() == stated;
        headers.bytes = bytes;
        headers
    }

    fn push(&mut self, bytes: &[u8], start: usize, name_length: usize, value_length: usize) {
        let known = Known::of(bytes.get(start..start + name_length).unwrap_or_default());
        if let Some(known) = known
            && let Some(place) = self.first.get_mut(known as usize)
            && *place == ABSENT
        {
            *place = self.entries.len() as u16;
        }
        self.entries.push(Entry { start, name_length, value_length, is_known: known.is_some() });
    }

    /// Builds a map from pairs; for hosts that are not Envoy.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let (mut bytes, mut entries) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            let start = bytes.len();
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(value);
            bytes.push(0);
            entries.push((start, name.len(), value.len()));
        }
        let mut headers = Self { are_all: entries.len() <= MAX_HEADERS, ..Self::default() };
        for (start, name_length, value_length) in entries.into_iter().take(MAX_HEADERS) {
            headers.push(&bytes, start, name_length, value_length);
        }
        headers.bytes = bytes;
        headers
    }

    /// The first value of a known header.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        let place = self.first.get(known as usize)?;
        // The place of an absent one is behind all.
        Some(self.pair(self.entries.get(usize::from(*place))?)?.1)
    }

    /// The first value of a known header, if it is not empty and printable ASCII.
    pub fn get_text(&self, known: Known) -> Option<&str> {
        self.get(known).and_then(printable)
    }

    /// Every value of a known header, in order.
    pub fn values(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let place = self.first.get(known as usize).copied().unwrap_or(ABSENT);
        let from_first = self.entries.get(usize::from(place)..).unwrap_or_default();
        let name = from_first.first().and_then(|entry| self.pair(entry)).map(|(name, _)| name);
        let pairs = from_first.iter().filter_map(|entry| self.pair(entry));
        pairs.filter(move |(candidate, _)| Some(*candidate) == name).map(|(_, value)| value)
    }

    /// Whether a known header is there.
    pub fn has(&self, known: Known) -> bool {
        self.first.get(known as usize).is_some_and(|place| *place != ABSENT)
    }

    /// Whether a known header is certainly not there.
    pub fn lacks(&self, known: Known) -> bool {
        self.are_all && !self.has(known)
    }

    /// Every value of a header, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.iter().filter(move |(candidate, _)| *candidate == name.as_bytes()).map(|(_, value)| value)
    }

    /// Names and values of all headers but the known ones, in order.
    pub fn others(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().filter(|entry| !entry.is_known).filter_map(|entry| self.pair(entry))
    }

    /// The first value of a header, if it is not empty and printable ASCII.
    pub fn find_text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(candidate, _)| *candidate == name.as_bytes())?;
        printable(value)
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

    /// How many there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no header at all, as for a request that was refused before it could be read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A value as text, if it is not empty and printable ASCII.
pub fn printable(value: &[u8]) -> Option<&str> {
    let (words, _) = value.as_chunks::<8>();
    let is_printable = match value.last_chunk::<8>() {
        // The last word overlaps the one before it.
        Some(last) => words.iter().chain([last]).all(|word| is_printable_word(u64::from_le_bytes(*word))),
        None => !value.is_empty() && value.iter().all(|byte| matches!(byte, 0x20..=0x7e)),
    };
    if is_printable { std::str::from_utf8(value).ok() } else { None }
}

/// Whether all eight bytes of a word are printable ASCII.
fn is_printable_word(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    // With the top bits set no byte borrows from the next, and with them clear none carries over.
    let from_space = (word | TOP).wrapping_sub(b' ' as u64 * EACH);
    let is_delete = (word & !TOP) + EACH;
    word & TOP == 0 && from_space & TOP == TOP && is_delete & TOP == 0
}

#[cfg(test)]
mod tests;
