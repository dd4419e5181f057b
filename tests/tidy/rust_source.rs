//! Just enough reading of Rust to tell code from comments and literals, and to list the paths that code names.

/// A string literal: where it begins in the file, where it ends, and what stands between the quotes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Literal {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

/// A Rust file in which every comment and every literal is blank, so that offsets and lines stay as they were.
#[derive(Clone, Debug)]
pub(crate) struct RustSource {
    pub(crate) code: String,
    pub(crate) literals: Vec<Literal>,
}

impl RustSource {
    pub(crate) fn read(text: &str) -> Self {
        let mut reader =
            Reader { bytes: text.as_bytes(), code: text.as_bytes().to_vec(), literals: Vec::new() };
        let mut at = 0;
        while at < reader.bytes.len() {
            at = reader.step(at);
        }
        let code = String::from_utf8_lossy(&reader.code).into_owned();
        Self { code, literals: reader.literals }
    }

    /// The line, counted from 1, of an offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.code.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Offsets at which `word` stands in code, not as a part of a longer name.
    pub(crate) fn find_word(&self, word: &str) -> Vec<usize> {
        let bytes = self.code.as_bytes();
        self.code
            .match_indices(word)
            .map(|(offset, _)| offset)
            .filter(|offset| *offset == 0 || !is_name_byte(bytes[offset - 1]))
            .filter(|offset| {
                let ends_in_name = word.bytes().last().is_some_and(is_name_byte);
                !(ends_in_name && bytes.get(offset + word.len()).copied().is_some_and(is_name_byte))
            })
            .collect()
    }

    /// Every path of two or more segments with its offset; `use a::{b, c::d}` gives `a::b` and `a::c::d`.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let bytes = self.code.as_bytes();
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if is_name_byte(bytes[at]) {
                let start = at;
                let mut paths = Vec::new();
                at = read_path(bytes, at, "", &mut paths);
                found.extend(paths.into_iter().filter(|path| path.contains("::")).map(|path| (start, path)));
            } else {
                at += 1;
            }
        }
        found
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Reads the path that begins at `at`, appends what it names to `found`, and returns where it ends.
fn read_path(bytes: &[u8], at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    let name_end = (at..bytes.len()).find(|end| !is_name_byte(bytes[*end])).unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[at..name_end]);
    let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}::{name}") };
    let after = skip_blank(bytes, name_end);
    if !bytes[after..].starts_with(b"::") {
        found.push(path);
        return name_end;
    }
    let next = skip_blank(bytes, after + 2);
    match bytes.get(next) {
        Some(b'{') => read_group(bytes, next + 1, &path, found),
        Some(byte) if is_name_byte(*byte) => read_path(bytes, next, &path, found),
        _ => {
            found.push(path);
            next
        }
    }
}

/// Reads the members of `{...}` in a `use`, and returns what follows the closing brace.
fn read_group(bytes: &[u8], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    loop {
        at = skip_blank(bytes, at);
        match bytes.get(at) {
            None => return at,
            Some(b'}') => return at + 1,
            Some(byte) if is_name_byte(*byte) => {
                at = read_path(bytes, at, prefix, found);
                while bytes.get(at).is_some_and(|byte| *byte != b',' && *byte != b'}') {
                    at += 1;
                }
            }
            Some(_) => at += 1,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl Reader<'_> {
    /// Handles what begins at `at` and returns where the next thing begins.
    fn step(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        if rest.starts_with(b"//") {
            let end =
                rest.iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |length| at + length);
            self.blank(at, end)
        } else if rest.starts_with(b"/*") {
            let end = self.block_comment_end(at);
            self.blank(at, end)
        } else if let Some((open, hashes)) = self.raw_string(at) {
            self.raw_literal(open, hashes)
        } else if rest[0] == b'"' {
            self.plain_literal(at)
        } else if rest[0] == b'\'' {
            self.character(at)
        } else if is_name_byte(rest[0]) {
            at + rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len())
        } else {
            at + 1
        }
    }

    fn blank(&mut self, from: usize, until: usize) -> usize {
        for byte in &mut self.code[from..until] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        until
    }

    fn block_comment_end(&self, at: usize) -> usize {
        let (mut depth, mut position) = (0_usize, at);
        while position < self.bytes.len() {
            let rest = &self.bytes[position..];
            if rest.starts_with(b"/*") {
                depth += 1;
                position += 2;
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                position += 2;
                if depth == 0 {
                    return position;
                }
            } else {
                position += 1;
            }
        }
        position
    }

    /// Where the quote of `r"`, `br#"` or `cr"` stands, and how many hashes it has.
    fn raw_string(&self, at: usize) -> Option<(usize, usize)> {
        let rest = &self.bytes[at..];
        let prefix = [&b"r"[..], b"br", b"cr"]
            .into_iter()
            .find(|prefix| rest.starts_with(prefix) && matches!(rest.get(prefix.len()), Some(b'"' | b'#')))?;
        let hashes = rest[prefix.len()..].iter().take_while(|byte| **byte == b'#').count();
        let open = at + prefix.len() + hashes;
        (self.bytes.get(open) == Some(&b'"')).then_some((open, hashes))
    }

    fn raw_literal(&mut self, open: usize, hashes: usize) -> usize {
        let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let body = open + 1;
        let length = self.bytes[body..].windows(closing.len()).position(|window| window == closing);
        let end = length.map_or(self.bytes.len(), |length| body + length);
        self.keep_literal(open, end)
    }

    fn plain_literal(&mut self, open: usize) -> usize {
        let mut end = open + 1;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.keep_literal(open, end.min(self.bytes.len()))
    }

    fn keep_literal(&mut self, open: usize, end: usize) -> usize {
        let text = String::from_utf8_lossy(&self.bytes[open + 1..end]).into_owned();
        self.literals.push(Literal { start: open, end, text });
        self.blank(open + 1, end);
        (end + 1).min(self.bytes.len())
    }

    /// A character literal is blanked; the quote of a lifetime is stepped over.
    fn character(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at + 1..];
        let length = match rest.first() {
            Some(b'\\') => rest.iter().skip(2).position(|byte| *byte == b'\'').map(|length| length + 2),
            Some(_) => rest.iter().take(5).skip(1).position(|byte| *byte == b'\'').map(|length| length + 1),
            None => None,
        };
        match length {
            Some(length) if length == 1 || rest[0] == b'\\' || !rest[0].is_ascii() => {
                self.blank(at + 1, at + 1 + length);
                at + 2 + length
            }
            _ => at + 1,
        }
    }
}

fn check_paths(text: &str, expected: &[&str]) {
    let paths: Vec<String> = RustSource::read(text).paths().into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, expected, "paths of {text}");
}

#[test]
fn comments_and_literals_are_blank_and_keep_their_place() {
    let source = RustSource::read(
        "let a = \"gone!()\"; // gone!()\n/* gone!() /* nested */ */ b(r#\"x\"y\"#, '\"', 'a')",
    );
    assert!(!source.code.contains("gone"), "{}", source.code);
    assert_eq!(
        source.literals.iter().map(|literal| literal.text.as_str()).collect::<Vec<_>>(),
        ["gone!()", "x\"y"]
    );
    assert_eq!(source.line(source.find_word("b")[0]), 2);
}

#[test]
fn lifetimes_are_not_literals() {
    let source = RustSource::read("fn f<'a>(x: &'a str) -> &'a str { '\\'' ; 'é'; x.split(' ') }");
    assert!(source.literals.is_empty());
    assert!(source.code.contains("x.split(' ')") && source.code.contains("&'a str"), "{}", source.code);
}

#[test]
fn groups_of_imports_are_taken_apart() {
    check_paths(
        "use crate::{store::{self, Store}, query};",
        &["crate::store::self", "crate::store::Store", "crate::query"],
    );
    check_paths("let x = std::env::var(y);", &["std::env::var"]);
    check_paths("use std::{fs as files, net::*};", &["std::fs", "std::net"]);
}
