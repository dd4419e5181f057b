//! Where a request has been: the workloads passed so far and their number, carried in our `tracestate` member.

/// Most characters of the member's value, as the grammar allows (section 3.3.1.3.2).
pub const MAX_PATH_CHARS: usize = 256;
/// What stands for the names left out of the middle of a path that does not fit.
const ELLIPSIS: &str = "..";
const SEPARATOR: char = '>';
/// What stands before the depth, and between it and the names.
const DEPTH_MARK: &str = "d:";
const NAMES_MARK: &str = ";p:";
/// The name of a workload that has none.
const UNKNOWN: &str = "unknown";
/// Most characters of one name, so that the first and the last name always fit beside depth and ellipsis.
const MAX_NAME_CHARS: usize = 63;

/// The workloads passed so far. The depth stays exact when names had to be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSoFar {
    depth: u32,
    names: String,
}

impl PathSoFar {
    /// The path of a request that begins at this workload.
    pub fn begin(workload: &str) -> Self {
        let mut names = String::with_capacity(workload.len());
        push_clean_name(&mut names, workload);
        Self { depth: 1, names }
    }

    /// The path after one more workload. Names are left out of the middle when the path would be too long: where
    /// a request came from and where it was last say more than what lies between.
    pub fn then(&self, workload: &str) -> Self {
        let depth = self.depth.saturating_add(1);
        let mut names = String::with_capacity(self.names.len() + 1 + workload.len());
        names.push_str(&self.names);
        names.push(SEPARATOR);
        push_clean_name(&mut names, workload);
        let room = MAX_PATH_CHARS.saturating_sub(prefix_length(depth));
        while names.len() > room {
            match without_a_middle_name(&names) {
                Some(shorter) => names = shorter,
                None => break,
            }
        }
        Self { depth, names }
    }

    /// How many workloads the request has passed; the entry is the first.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The names joined by `>`.
    pub fn names(&self) -> &str {
        &self.names
    }

    /// Appends the value of our member: `d:<depth>;p:<names>`, at most 256 characters.
    pub fn push_member_value(&self, text: &mut String) {
        text.push_str(DEPTH_MARK);
        push_decimal(text, self.depth);
        text.push_str(NAMES_MARK);
        text.push_str(&self.names);
    }

    /// How many characters that value has.
    pub fn member_value_length(&self) -> usize {
        prefix_length(self.depth) + self.names.len()
    }

    /// Reads a member's value; `None` when it is not one that we wrote.
    pub fn from_member_value(value: &str) -> Option<Self> {
        let rest = value.strip_prefix(DEPTH_MARK)?;
        let (depth, names) = rest.split_at_checked(rest.bytes().position(|byte| !byte.is_ascii_digit())?)?;
        let names = names.strip_prefix(NAMES_MARK)?;
        let depth = depth.parse().ok().filter(|depth| *depth > 0)?;
        // Whoever sends the member, its names end up in log lines and spans as if we had written them.
        let is_clean = names.as_bytes().split(|byte| *byte == SEPARATOR as u8).all(is_clean_name);
        is_clean.then(|| Self { depth, names: names.to_owned() })
    }
}

/// How many characters stand before the names.
fn prefix_length(depth: u32) -> usize {
    DEPTH_MARK.len() + decimal_digits(depth) + NAMES_MARK.len()
}

fn decimal_digits(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Appends a number in decimal digits: the formatter of the standard library takes ten times as long.
fn push_decimal(text: &mut String, number: u32) {
    for place in (0..decimal_digits(number) as u32).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

/// Appends what is legal in a member's value and not a separator of ours; other characters become `_`.
fn push_clean_name(text: &mut String, workload: &str) {
    if workload.is_empty() {
        text.push_str(UNKNOWN);
    } else if is_clean_name(workload.as_bytes()) {
        text.push_str(workload);
    } else {
        let clean = |character: char| if is_clean(character) { character } else { '_' };
        text.extend(workload.chars().map(clean).take(MAX_NAME_CHARS));
    }
}

/// Whether a name is as we would write it.
fn is_clean_name(name: &[u8]) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.iter().all(|byte| is_clean(char::from(*byte)))
}

fn is_clean(character: char) -> bool {
    matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' | '~' | '/')
}

/// Replaces the second name, or the second and an ellipsis before it, by one ellipsis.
fn without_a_middle_name(names: &str) -> Option<String> {
    let mut parts: Vec<&str> = names.split(SEPARATOR).collect();
    let is_shortened = parts.get(1) == Some(&ELLIPSIS);
    let victim = if is_shortened { 2 } else { 1 };
    if parts.len() <= victim + 1 {
        return None;
    }
    parts.remove(victim);
    if !is_shortened {
        parts.insert(1, ELLIPSIS);
    }
    Some(parts.join(&SEPARATOR.to_string()))
}
