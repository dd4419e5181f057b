//! From the text of a query to its tokens, each with its column.

use std::iter::Peekable;
use std::str::Chars;

use super::SyntaxError;
use crate::config::parse_duration;

/// A token and the column of its first character, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) column: usize,
}

/// What the parser reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A bracket, a comma or an operator.
    Sign(&'static str),
    Text(String),
    Int(i64),
    Float(f64),
    DurationNs(i64),
    /// A bare word, such as `status`, `count` or `error`.
    Word(String),
    /// `trace:depth`.
    Scoped(String),
    /// `.key`, `span.key`, `parent.resource.key`: the words before the last, and the key.
    Attribute {
        scopes: Vec<String>,
        key: String,
    },
    End,
}

impl Token {
    /// How a message names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Sign(sign) => format!("`{sign}`"),
            Self::Text(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
            Self::Int(_) | Self::Float(_) => "a number".to_owned(),
            Self::DurationNs(_) => "a duration".to_owned(),
            Self::Word(word) | Self::Scoped(word) => {
                format!("`{}`", word.chars().take(40).collect::<String>())
            }
            Self::Attribute { key, .. } => {
                format!("the attribute `{}`", key.chars().take(40).collect::<String>())
            }
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longer signs stand before their beginnings.
const SIGNS: [&str; 37] = [
    "&>>", "&<<", "!>>", "!<<", "&&", "||", "&>", "&<", "&~", "!>", "!<", "!~", "!=", "=~", "==", ">>", "<<",
    ">=", "<=", "{", "}", "(", ")", ",", "|", "=", ">", "<", "~", "+", "-", "*", "/", "%", "^", "!", ":",
];

/// Words before a dot that say where an attribute is looked for.
const SCOPES: [&str; 6] = ["span", "resource", "parent", "event", "link", "instrumentation"];

/// All tokens, the last of them [`Token::End`].
pub(super) fn tokenize(text: &str) -> Result<Vec<Placed>, SyntaxError> {
    let mut reader = Reader { rest: text.chars().peekable(), column: 1 };
    let mut tokens = Vec::new();
    loop {
        reader.take_while(char::is_whitespace);
        let column = reader.column;
        let token = reader.next_token()?;
        let is_end = token == Token::End;
        tokens.push(Placed { token, column });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    column: usize,
}

impl Reader<'_> {
    fn next_token(&mut self) -> Result<Token, SyntaxError> {
        let column = self.column;
        match self.rest.peek().copied() {
            None => Ok(Token::End),
            Some('"') => self.quoted().map(Token::Text),
            Some('`') => self.raw().map(Token::Text),
            Some(digit) if digit.is_ascii_digit() => self.number(),
            Some('.') if self.second().is_some_and(|second| second.is_ascii_digit()) => self.number(),
            Some('.') => {
                self.next();
                self.attribute(Vec::new())
            }
            Some(letter) if is_word(letter) => self.word(),
            Some(other) => self.sign().ok_or_else(|| {
                SyntaxError::new(
                    column,
                    format!("{other:?} has no meaning here: texts stand in double quotes"),
                )
            }),
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.column += usize::from(next.is_some());
        next
    }

    fn second(&self) -> Option<char> {
        self.rest.clone().nth(1)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(letter) = self.rest.peek().copied().filter(|letter| wanted(*letter)) {
            taken.push(letter);
            self.next();
        }
        taken
    }

    fn sign(&mut self) -> Option<Token> {
        let ahead: String = self.rest.clone().take(3).collect();
        let sign = SIGNS.into_iter().find(|sign| ahead.starts_with(sign))?;
        (0..sign.len()).for_each(|_| {
            self.next();
        });
        Some(Token::Sign(sign))
    }

    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let column = self.column;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.column;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(match self.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(same @ ('"' | '\\' | '\'')) => same,
                    _ => {
                        let right = "after `\\` stands n, t, r, a quote or `\\`; between backquotes nothing is escaped";
                        return Err(SyntaxError::new(at, right));
                    }
                }),
                Some(letter) => text.push(letter),
                None => return Err(SyntaxError::new(column, "the text has no end: close it with `\"`")),
            }
        }
    }

    fn raw(&mut self) -> Result<String, SyntaxError> {
        let column = self.column;
        self.next();
        let text = self.take_while(|letter| letter != '`');
        match self.next() {
            Some(_) => Ok(text),
            None => Err(SyntaxError::new(column, "the text has no end: close it with a backquote")),
        }
    }

    /// `7`, `0.5` or `1h30m`.
    fn number(&mut self) -> Result<Token, SyntaxError> {
        let column = self.column;
        let text = self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == 'µ');
        let wrong = |right: &str| SyntaxError::new(column, format!("`{text}` is no number: {right}"));
        if text.bytes().all(|letter| letter.is_ascii_digit()) {
            return text.parse().map(Token::Int).map_err(|_| wrong("the largest is 9223372036854775807"));
        }
        if text.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.') {
            return text.parse().map(Token::Float).map_err(|_| wrong("write digits and at most one point"));
        }
        let duration = parse_duration(&text).map_err(wrong)?;
        i64::try_from(duration.as_nanos())
            .map(Token::DurationNs)
            .map_err(|_| wrong("the longest is 292 years"))
    }

    fn word(&mut self) -> Result<Token, SyntaxError> {
        let word = self.take_while(is_word);
        match self.rest.peek().copied() {
            Some('.') if SCOPES.contains(&word.as_str()) => {
                self.next();
                self.attribute(vec![word])
            }
            Some(':') if self.second().is_some_and(is_word) => {
                self.next();
                let name = self.take_while(is_word);
                Ok(Token::Scoped(format!("{word}:{name}")))
            }
            _ => Ok(Token::Word(word)),
        }
    }

    /// What follows a dot: a key, parts of which may be quoted, or after `parent.` another scope.
    fn attribute(&mut self, mut scopes: Vec<String>) -> Result<Token, SyntaxError> {
        let column = self.column;
        let mut key = String::new();
        loop {
            match self.rest.peek() {
                Some('"') => key.push_str(&self.quoted()?),
                Some(letter) if is_key(*letter) => key.push_str(&self.take_while(is_key)),
                _ => break,
            }
        }
        if scopes.first().is_some_and(|scope| scope == "parent")
            && let Some((scope, rest)) = key.split_once('.')
            && (scope == "span" || scope == "resource")
        {
            scopes.push(scope.to_owned());
            key = rest.to_owned();
        }
        if key.is_empty() {
            return Err(SyntaxError::new(column, "the name of an attribute is missing after the dot"));
        }
        Ok(Token::Attribute { scopes, key })
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// As in Tempo, a key ends at a blank, a bracket, a comma or a comparison; `-`, `/` and `:` are part of it.
fn is_key(letter: char) -> bool {
    !letter.is_whitespace() && !"{}()=~!<>&|^,\"'`\\".contains(letter)
}
