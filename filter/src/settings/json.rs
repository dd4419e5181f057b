//! JSON as the operator wrote it, in memory.
//!
//! Numbers stay text until a key says what they have to be: a module that reads and prints any floating-point number
//! carries 20 KB of tables for it into every proxy.

use std::fmt::{self, Display, Formatter, Write};

use json_event_parser::{JsonEvent, LowLevelJsonParser};

/// Deepest nesting that is read; the table of keys needs five.
const MAX_DEPTH: usize = 32;
/// Most significant digits of a fraction that are looked at: a 64-bit float holds as many exactly.
const MAX_DIGITS: u32 = 15;

/// The members of an object, in the order written.
pub(super) type Object = Vec<(String, Json)>;

/// A value (RFC 8259).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

impl Json {
    /// Reads one value that fills the whole text; the error says where it breaks off.
    pub(super) fn parse(written: &[u8]) -> Result<Self, String> {
        let mut rest = written;
        let mut parser = LowLevelJsonParser::new().with_max_stack_size(MAX_DEPTH);
        let mut tree = Tree::default();
        loop {
            let step = parser.parse_next(rest, true);
            rest = rest.get(step.consumed_bytes..).unwrap_or_default();
            match step.event {
                Some(Ok(JsonEvent::Eof)) => return tree.root.ok_or_else(|| "it ends too early".to_owned()),
                Some(Ok(event)) => tree.take(event),
                Some(Err(error)) => return Err(error.to_string()),
                None => {}
            }
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    pub(super) fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// A whole number that is written without fraction and exponent.
    pub(super) fn as_whole(&self) -> Option<u64> {
        if let Self::Number(text) = self { text.parse().ok() } else { None }
    }

    /// A number from 0 to 1, to 15 digits.
    pub(super) fn as_fraction(&self) -> Option<f64> {
        let Self::Number(text) = self else { return None };
        fraction_of(text).filter(|number| (0.0..=1.0).contains(number))
    }
}

/// The member of that name; of several the last counts.
pub(super) fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Json> {
    object.iter().rev().find(|(candidate, _)| candidate == name).map(|(_, value)| value)
}

/// The value of a decimal number; the parser has checked its form.
fn fraction_of(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => {
            (digits, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().ok()?)
        }
        None => (text, 0),
    };
    let (mut mantissa, mut scale, mut is_behind_point, mut taken) = (0u64, exponent, false, 0u32);
    for digit in digits.bytes() {
        let Some(value) = char::from(digit).to_digit(10) else {
            is_behind_point |= digit == b'.';
            continue;
        };
        let is_taken = taken < MAX_DIGITS;
        if is_taken {
            mantissa = mantissa * 10 + u64::from(value);
            taken += u32::from(mantissa > 0);
        }
        scale = scale.saturating_add(i32::from(!is_taken) - i32::from(is_behind_point));
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    // Powers of ten up to the 22nd are exact, greater ones nearly so, and the greatest are infinite.
    let power = 10f64.powi(scale.saturating_abs());
    let size = if scale < 0 { mantissa as f64 / power } else { mantissa as f64 * power };
    Some(if digits.starts_with('-') { -size } else { size })
}

/// What has been read so far.
#[derive(Default)]
struct Tree {
    /// Lists and objects that are not closed yet, from outside in, each with the name its next member has.
    open: Vec<(Json, String)>,
    root: Option<Json>,
}

impl Tree {
    fn take(&mut self, event: JsonEvent<'_>) {
        let value = match event {
            JsonEvent::Null => Json::Null,
            JsonEvent::Boolean(value) => Json::Bool(value),
            JsonEvent::Number(text) => Json::Number(text.into_owned()),
            JsonEvent::String(text) => Json::Text(text.into_owned()),
            JsonEvent::StartArray => return self.open.push((Json::List(Vec::new()), String::new())),
            JsonEvent::StartObject => return self.open.push((Json::Object(Vec::new()), String::new())),
            JsonEvent::ObjectKey(name) => {
                if let Some((_, next)) = self.open.last_mut() {
                    *next = name.into_owned();
                }
                return;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match self.open.pop() {
                Some((closed, _)) => closed,
                None => return,
            },
            JsonEvent::Eof => return,
        };
        match self.open.last_mut() {
            Some((Json::List(list), _)) => list.push(value),
            Some((Json::Object(object), name)) => object.push((std::mem::take(name), value)),
            _ => self.root = Some(value),
        }
    }
}

impl Display for Json {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => Display::fmt(value, formatter),
            Self::Number(text) => formatter.write_str(text),
            Self::Text(text) => write_text(formatter, text),
            Self::List(list) => {
                write_all(formatter, ['[', ']'], list, |formatter, value| Display::fmt(value, formatter))
            }
            Self::Object(object) => write_all(formatter, ['{', '}'], object, |formatter, (name, value)| {
                write_text(formatter, name)?;
                formatter.write_char(':')?;
                Display::fmt(value, formatter)
            }),
        }
    }
}

fn write_all<T>(
    formatter: &mut Formatter<'_>,
    [opening, closing]: [char; 2],
    items: &[T],
    write_one: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    formatter.write_char(opening)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            formatter.write_char(',')?;
        }
        write_one(formatter, item)?;
    }
    formatter.write_char(closing)
}

/// A text for a reader of the log: no line break and no other control character stays one.
fn write_text(formatter: &mut Formatter<'_>, text: &str) -> fmt::Result {
    formatter.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                formatter.write_char('\\')?;
                formatter.write_char(character)?;
            }
            '\n' => formatter.write_str("\\n")?,
            control if control.is_ascii_control() => formatter.write_char('\u{fffd}')?,
            other => formatter.write_char(other)?,
        }
    }
    formatter.write_char('"')
}

#[cfg(test)]
mod tests;
