//! Log messages: lower case, no final dot, and values as fields instead of text.

use crate::rust_source::{Literal, RustSource};
use crate::tree::{SourceFile, Violation, hold};

const MACROS: [&str; 5] = ["trace!", "debug!", "info!", "warn!", "error!"];

fn log_messages(file: &SourceFile) -> Vec<Violation> {
    if !file.is_rust() {
        return Vec::new();
    }
    let source = RustSource::read(&file.text);
    let calls =
        MACROS.into_iter().flat_map(|name| source.find_word(name).into_iter().map(|at| at + name.len()));
    let messages: Vec<Literal> = calls.flat_map(|open| messages_of_call(&source, open)).collect();
    messages
        .iter()
        .filter_map(|message| {
            let fault = fault_of(&message.text)?;
            let remedy = format!("{fault}: \"{}\"", message.text);
            Some(Violation::new(file, source.line(message.start), "log message", remedy))
        })
        .collect()
}

/// What is wrong with the text; a first word in capitals is a name such as `OTLP`.
fn fault_of(text: &str) -> Option<&'static str> {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let capitals = first_word.chars().filter(char::is_ascii_uppercase).count();
    if text.trim().is_empty() {
        Some("say what happened")
    } else if first_word.starts_with(|first: char| first.is_ascii_uppercase()) && capitals < 2 {
        Some("begin in lower case")
    } else if text.ends_with('.') {
        Some("leave out the final dot")
    } else if text.contains('{') {
        Some("give the value as a field (`name = %value`), not inside the text")
    } else {
        None
    }
}

/// String literals that are arguments of their own in the call whose bracket opens at `open`.
fn messages_of_call(source: &RustSource, open: usize) -> Vec<Literal> {
    let bytes = source.code.as_bytes();
    let end = closing_bracket(bytes, open);
    let inside = source.literals.iter().filter(|literal| literal.start > open && literal.end < end);
    inside
        .filter(|literal| depth_at(bytes, open, literal.start) == 1)
        .filter(|literal| {
            let before = bytes[..literal.start].iter().rfind(|byte| !byte.is_ascii_whitespace());
            let after = bytes[literal.end + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(before, Some(b',' | b'(')) && matches!(after, Some(b',' | b')'))
        })
        .cloned()
        .collect()
}

fn depth_at(bytes: &[u8], open: usize, at: usize) -> usize {
    bytes[open..at].iter().fold(0, |depth, byte| match byte {
        b'(' | b'[' | b'{' => depth + 1,
        b')' | b']' | b'}' => depth - 1,
        _ => depth,
    })
}

fn closing_bracket(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    bytes.len()
}

#[test]
fn log_messages_are_plain() {
    hold(log_messages);
}

#[test]
fn a_log_message_that_is_not_plain_is_found() {
    let check = |text: &str| log_messages(&SourceFile::example("collector/src/app.rs", text)).len();
    assert_eq!(check("tracing::warn!(error = %error, \"Block lost\");"), 1);
    assert_eq!(check("info!(\"listening.\");"), 1);
    assert_eq!(check("info!(\"listening on {address}\");"), 1);
    assert_eq!(check("info!(\n    address = %address,\n    \"listening\"\n);"), 0);
    assert_eq!(check("warn!(kind = \"Loop\", reason = name(\"X.\"), \"OTLP batch refused\");"), 0);
    assert_eq!(check("#[error(\"no {0}.\")] struct A; // info!(\"Bad.\")"), 0);
}
