//! Properties: no text makes the parser panic, and no query that it takes makes a run panic.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const WORDS: [&str; 58] = [
    "{",
    "}",
    "(",
    ")",
    "|",
    "&&",
    "||",
    ">",
    ">>",
    "<",
    "<<",
    "~",
    "!>",
    "!>>",
    "!~",
    "&>",
    "&>>",
    "=",
    "!=",
    "=~",
    ">=",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "!",
    ",",
    "name",
    "status",
    "kind",
    "duration",
    "error",
    "server",
    "true",
    "nil",
    "count()",
    "avg(duration)",
    "by(kind)",
    "select(name)",
    "coalesce()",
    ".ids",
    "span.x",
    "resource.service.name",
    "parent.ids",
    "event:name",
    "trace:depth",
    "\"a.*\"",
    "`b`",
    "1",
    "0.5",
    "100ms",
    "9223372036854775807",
    "{}",
    "{ true }",
    ":",
];

/// Reads a text, and runs it where it is a query.
fn try_out(text: &str) {
    match Query::parse(text) {
        Ok(query) => {
            let lifecycle = shop();
            let view = View::new(TraceId::ONE, &lifecycle);
            let found = query.run(&view, &|| true).unwrap();
            assert!(found.iter().all(|set| !set.spans.is_empty() && set.spans.is_sorted()));
            let filter = query.filter();
            let is_possible = lifecycle.spans.iter().any(|placed| filter.matches(&placed.span));
            assert!(found.is_empty() || is_possible, "{text}: the store would not have found it");
            query.values(&view, 0);
        }
        Err(error) => {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{text}: {error}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        try_out(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        try_out(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_words_are_read_or_refused(words in proptest::collection::vec(select(&WORDS[..]), 0..24)) {
        try_out(&words.join(" "));
    }

    #[test]
    fn any_condition_runs_on_any_spans(
        words in proptest::collection::vec(select(&WORDS[..]), 1..9),
        spans in proptest::collection::vec(any::<u8>(), 0..96),
    ) {
        let conditions = words.join(" ");
        for query in [format!("{{ {conditions} }}"), format!("{{ {conditions} }} >> {{}}"), conditions] {
            // Most of them are none.
            let _is_query = generated::try_out(&query, &spans).is_ok();
        }
    }

    #[test]
    fn any_condition_runs(words in proptest::collection::vec(select(&WORDS[17..]), 1..9), stage in select(&WORDS[38..43])) {
        try_out(&format!("{{ {} }} | {stage} > 1", words.join(" ")));
        try_out(&format!("{{ {} }}", words.join(" ")));
    }
}
