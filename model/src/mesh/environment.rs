//! Resource attributes as the environment states them: the text of `OTEL_RESOURCE_ATTRIBUTES`.

use crate::span::{Attribute, Value};

/// Most attributes that are taken.
const MAX_ATTRIBUTES: usize = 64;
/// Longest text that is looked at.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The text is not a list of `key=value` pairs; then none of it counts (OpenTelemetry, Resource SDK, "Specifying
/// resource information via an environment variable").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads `key=value` pairs divided by commas; values are percent-decoded. Of a key that is there twice, the last
/// one counts.
pub fn parse_resource_attributes(text: &str) -> Result<Vec<Attribute>, Malformed> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Malformed);
    }
    let mut attributes: Vec<Attribute> = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(Malformed)?;
        let key = percent_decoded(key.trim())?;
        let value = Value::Text(percent_decoded(value.trim())?);
        if key.is_empty() {
            return Err(Malformed);
        }
        attributes.retain(|attribute| attribute.key != key);
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(Malformed);
        }
        attributes.push(Attribute { key, value });
    }
    Ok(attributes)
}

fn percent_decoded(text: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| Malformed)
}

fn digit(byte: Option<u8>) -> Result<u8, Malformed> {
    let digit = byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or(Malformed)?;
    u8::try_from(digit).map_err(|_| Malformed)
}
