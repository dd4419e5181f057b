//! Finds the known word that a misspelt one was most likely meant to be.

/// The known word with the fewest single-letter changes from `word`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|candidate| distance(word, candidate))
}

/// The word to propose for a message such as "unknown field `fowards`, expected one of forwards, work_ms".
pub(super) fn suggestion(message: &str) -> Option<String> {
    let start = ["unknown field", "unknown variant"].iter().find_map(|phrase| message.find(phrase))?;
    let line = message.get(start..)?.lines().next()?;
    let (wrong, known) = line.split_once(", expected ")?;
    let wrong = wrong.split('`').nth(1)?;
    let known = known.trim_start_matches("one of ").split([',', ' ']).map(|word| word.trim_matches('`'));
    nearest(wrong, known.filter(|word| !word.is_empty() && *word != "or")).map(str::to_owned)
}

/// The number of letters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
