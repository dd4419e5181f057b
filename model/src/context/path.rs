//! Where a request has been: the workloads passed so far and their number, carried in our `tracestate` member.

/// Most characters of the member's value, as the grammar allows (section 3.3.1.3.2).
pub const MAX_PATH_CHARS: usize = 256;
/// What stands for the names left out of the middle of a path that does not fit.
const ELLIPSIS: &str = "..";
const SEPARATOR: char = '>';
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
        Self { depth: 1, names: clean_name(workload) }
    }

    /// The path after one more workload. Names are left out of the middle when the path would be too long: where
    /// a request came from and where it was last say more than what lies between.
    pub fn then(&self, workload: &str) -> Self {
        let depth = self.depth.saturating_add(1);
        let mut names = format!("{}{SEPARATOR}{}", self.names, clean_name(workload));
        let room = MAX_PATH_CHARS.saturating_sub(member_prefix(depth).len());
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

    /// The value of our member: `d:<depth>;p:<names>`, at most 256 characters.
    pub fn to_member_value(&self) -> String {
        format!("{}{}", member_prefix(self.depth), self.names)
    }

    /// Reads a member's value; `None` when it is not one that we wrote.
    pub fn from_member_value(value: &str) -> Option<Self> {
        let (depth, names) = value.strip_prefix("d:")?.split_once(";p:")?;
        let is_number = depth.bytes().all(|byte| byte.is_ascii_digit());
        let depth = depth.parse().ok().filter(|depth| *depth > 0 && is_number)?;
        // Whoever sends the member, its names end up in log lines and spans as if we had written them.
        let is_clean = names.split(SEPARATOR).all(|name| name == clean_name(name));
        is_clean.then(|| Self { depth, names: names.to_owned() })
    }
}

fn member_prefix(depth: u32) -> String {
    format!("d:{depth};p:")
}

/// Keeps what is legal in a member's value and not a separator of ours.
fn clean_name(workload: &str) -> String {
    let name: String = workload
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' | '~' | '/' => character,
            _ => '_',
        })
        .take(MAX_NAME_CHARS)
        .collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
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
