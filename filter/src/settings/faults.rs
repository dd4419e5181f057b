//! Sentences about what was written wrong: with the key, the value, and what would be right.

/// Most faults that are told one by one.
const MAX_FAULTS: usize = 20;
/// Longest piece of what was written that is shown.
const MAX_SHOWN_CHARS: usize = 60;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sentences: Vec<String>,
    found: usize,
}

impl Faults {
    pub(super) fn add(&mut self, sentence: String) {
        self.found += 1;
        if self.sentences.len() < MAX_FAULTS {
            self.sentences.push(sentence);
        }
    }

    /// Those that are not told included.
    pub(super) fn found(&self) -> usize {
        self.found
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        self.sentences
    }
}

/// A value short enough for a log line.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

/// The candidate that differs from what was written in the fewest characters.
pub(super) fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> &'a str {
    candidates.min_by_key(|candidate| distance(written, candidate)).unwrap_or_default()
}

/// Edit distance (Levenshtein): how many characters differ.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (line, from) in left.chars().take(128).enumerate() {
        let mut diagonal = line;
        let mut left_cell = line + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(right.chars()) {
            let substituted = diagonal + usize::from(from != to);
            diagonal = *cell;
            *cell = substituted.min(left_cell + 1).min(diagonal + 1);
            left_cell = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
