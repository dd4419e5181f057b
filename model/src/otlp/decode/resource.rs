//! The resource of spans.

use super::limits::{self, Room};
use super::value::{Target, push_attribute};
use super::{DecodeError, each_field, message};
use crate::attribute::SERVICE_NAME;
use crate::otlp::wire::Field;

/// A resource's attributes, as the target makes them.
pub(super) struct ResourceFields<'a, T: Target<'a>> {
    pub(super) attributes: Vec<T::Attribute>,
    /// Parts that were left out or shortened.
    pub(super) cut: u64,
}

impl<'a, T: Target<'a>> ResourceFields<'a, T> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (mut attributes, mut room) = (Vec::new(), Room::new());
        each_field(bytes, |number, field| match number {
            1 => {
                let raw = message(field, "Resource", number)?;
                push_attribute::<T>(&mut attributes, limits::MAX_RESOURCE_ATTRIBUTES, raw, 0, &mut room)
            }
            _ => Ok(()),
        })?;
        Ok(Self { attributes, cut: room.cut() })
    }
}

/// The bytes of the resource in a `ResourceSpans`; empty where there is none.
pub(super) fn find(resource_spans: &[u8]) -> Result<&[u8], DecodeError> {
    let mut found: &[u8] = &[];
    each_field(resource_spans, |number, field| {
        if number == 1 {
            let raw = message(field, "ResourceSpans", number)?;
            // Protocol buffers would merge the two; no sender writes them.
            if !found.is_empty() && !raw.is_empty() {
                return Err(DecodeError::TwoResources);
            }
            found = if raw.is_empty() { found } else { raw };
        }
        Ok(())
    })?;
    Ok(found)
}

/// The first `service.name` among the attributes that are kept, where it is text.
pub(super) fn service_name(resource: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    let (mut found, mut position) = (None, 0);
    each_field(resource, |number, field| {
        if let (1, Field::Bytes(attribute)) = (number, field) {
            if found.is_none() && position < limits::MAX_RESOURCE_ATTRIBUTES {
                found = service_name_in(attribute)?;
            }
            position += 1;
        }
        Ok(())
    })?;
    Ok(found.flatten())
}

/// The value of an attribute that is `service.name`; `Some(None)` where it is no text.
fn service_name_in(attribute: &[u8]) -> Result<Option<Option<&[u8]>>, DecodeError> {
    let (mut is_name, mut value) = (false, None);
    each_field(attribute, |number, field| {
        match (number, field) {
            (1, Field::Bytes(key)) => is_name = key == SERVICE_NAME.as_bytes(),
            (2, Field::Bytes(raw)) => {
                each_field(raw, |number, field| {
                    match (number, field) {
                        (1, Field::Bytes(text)) => value = Some(Some(Room::new().shorten(text))),
                        (1..=7, _) => value = Some(None),
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(value.filter(|_| is_name))
}
