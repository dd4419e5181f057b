//! `tracestate`: the list of vendor members, validated by the Level 2 grammar (section 3.3).

use super::path::PathSoFar;
use super::sampling::{self, SamplingMember};

/// Our own member: where the request has been.
const OWN_KEY: &str = "tl";
/// Most members a list may have (section 3.3.1.1).
const MAX_MEMBERS: usize = 32;
/// Most characters of a key, and of a value (sections 3.3.1.3.1 and 3.3.1.3.2).
const MAX_PART_CHARS: usize = 256;

/// The members of a list: ours taken out, the others kept word for word and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState {
    /// Where the request has been, if a proxy of ours has said so.
    pub path: Option<PathSoFar>,
    others: String,
    other_members: usize,
}

impl TraceState {
    /// Reads all lines of one request as a single list. A list that breaks the grammar, or has more than 32
    /// members, is dropped whole; of members with the same key the first one counts.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        Self::parse_checked(lines).unwrap_or_default()
    }

    fn parse_checked<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut state = Self::default();
        let mut keys: Vec<&str> = Vec::new();
        for member in lines.flat_map(|line| line.split(|byte| *byte == b',')) {
            let member = without_optional_space(member);
            if member.is_empty() {
                continue;
            }
            let (key, value) = split_member(member)?;
            if keys.contains(&key) {
                continue;
            }
            keys.push(key);
            if keys.len() > MAX_MEMBERS {
                return None;
            }
            if key == OWN_KEY {
                state.path = PathSoFar::from_member_value(value);
            } else {
                state.push_other(key, value);
            }
        }
        Some(state)
    }

    fn push_other(&mut self, key: &str, value: &str) {
        if !self.others.is_empty() {
            self.others.push(',');
        }
        self.others.push_str(key);
        self.others.push('=');
        self.others.push_str(value);
        self.other_members += 1;
    }

    /// One line with our member left-most; `None` when there is nothing to send. The right-most foreign member
    /// makes room when the list would have more than 32.
    pub fn to_header(&self) -> Option<String> {
        let Some(mut text) = self.own_member() else {
            return (!self.others.is_empty()).then(|| self.others.clone());
        };
        let others = match self.other_members {
            MAX_MEMBERS.. => self.others.rsplit_once(',').map_or("", |(kept, _)| kept),
            _ => self.others.as_str(),
        };
        if !others.is_empty() {
            text.push(',');
            text.push_str(others);
        }
        Some(text)
    }

    /// What is known of the probability with which the trace is recorded.
    pub fn sampling(&self) -> SamplingMember {
        let member = self.others.split(',').find_map(|member| {
            let (key, value) = member.split_once('=')?;
            (key == sampling::KEY).then_some(value)
        });
        member.map(SamplingMember::parse).unwrap_or_default()
    }

    /// Says that every trace is kept, where nobody has said anything yet, as in nearly every trace that begins here.
    /// Whether it was so.
    pub(super) fn begin_sampling_everything(&mut self) -> bool {
        let is_bare = self.others.is_empty();
        if is_bare {
            self.others = sampling::EVERYTHING_MEMBER.to_owned();
            self.other_members = 1;
        }
        is_bare
    }

    /// Whether nothing is said but that every trace is kept.
    pub(super) fn samples_everything(&self) -> bool {
        self.others == sampling::EVERYTHING_MEMBER
    }

    /// Replaces it. The member goes to the left of the others, as all that changes does (section 3.5).
    pub fn set_sampling(&mut self, member: &SamplingMember) {
        let is_other = |member: &&str| {
            !member.is_empty() && member.split_once('=').is_none_or(|(key, _)| key != sampling::KEY)
        };
        // Its own place may cost the right-most member of a full list.
        let before = std::mem::take(&mut self.others);
        self.other_members = 0;
        if let Some(value) = member.to_value() {
            self.push_other(sampling::KEY, &value);
        }
        for kept in before.split(',').filter(is_other).take(MAX_MEMBERS - 1) {
            if !self.others.is_empty() {
                self.others.push(',');
            }
            self.others.push_str(kept);
            self.other_members += 1;
        }
    }

    /// Our own member alone, as a line with room for the others.
    pub fn own_member(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        let mut text =
            String::with_capacity(OWN_KEY.len() + 1 + path.member_value_length() + 1 + self.others.len());
        text.push_str(OWN_KEY);
        text.push('=');
        path.push_member_value(&mut text);
        Some(text)
    }
}

/// Optional white space is made of spaces and tabs, and of nothing else (section 3.3.1.1, RFC 9110 section 5.6.3).
fn without_optional_space(member: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = member.iter().position(|byte| !is_space(byte)).unwrap_or(member.len());
    let end = member.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    member.get(start..end).unwrap_or_default()
}

fn split_member(member: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(member).ok()?;
    // Byte by byte: the searches of the standard library are made for longer texts.
    let (key, value) = text.split_at_checked(member.iter().position(|byte| *byte == b'=')?)?;
    let value = value.get(1..)?;
    (is_key(key.as_bytes()) && is_value(value.as_bytes())).then_some((key, value))
}

/// What a byte may be part of.
const IN_KEY: u8 = 1;
const IN_VALUE: u8 = 2;
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let (mut rest, mut byte) = (classes.as_mut_slice(), 0_u8);
    while let Some((class, behind)) = rest.split_first_mut() {
        *class = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@' => IN_KEY | IN_VALUE,
            b',' | b'=' => 0,
            0x20..=0x7e => IN_VALUE,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    classes
};

fn are_all(bytes: &[u8], class: u8) -> bool {
    let common = |so_far: u8, byte: &u8| so_far & CLASSES.get(usize::from(*byte)).copied().unwrap_or(0);
    bytes.iter().fold(class, common) == class
}

fn is_key(key: &[u8]) -> bool {
    let starts_well = key.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts_well && are_all(key, IN_KEY) && key.len() <= MAX_PART_CHARS
}

fn is_value(value: &[u8]) -> bool {
    let ends_well = value.last().is_some_and(|byte| *byte != b' ');
    ends_well && are_all(value, IN_VALUE) && value.len() <= MAX_PART_CHARS
}
