//! Trace and span ids, in the textual and binary form of W3C Trace Context Level 2, sections 3.2.2.3 and 3.2.2.4.

use std::fmt;

/// A 16-byte trace id; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// An 8-byte span id (`parent-id` in the specification); never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

macro_rules! id_type {
    ($name:ident, $bytes:literal, $digits:literal) => {
        impl $name {
            /// The smallest valid id, for where one must be given and none can be drawn.
            pub const ONE: Self = Self({
                let mut bytes = [0u8; $bytes];
                bytes[$bytes - 1] = 1;
                bytes
            });

            /// Takes raw bytes; `None` when their number is wrong or all are zero.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let array: [u8; $bytes] = bytes.try_into().ok()?;
                array.iter().any(|byte| *byte != 0).then_some(Self(array))
            }

            /// Takes lower-case hexadecimal digits; `None` on any other length, alphabet, or all zeros.
            pub fn from_hex(text: &[u8]) -> Option<Self> {
                if text.len() != $digits || text.iter().any(u8::is_ascii_uppercase) {
                    return None;
                }
                let mut array = [0u8; $bytes];
                hex::decode_to_slice(text, &mut array).ok()?;
                Self::from_bytes(&array)
            }

            /// The raw bytes in network order.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The lower-case hexadecimal digits.
            pub fn to_hex(self) -> String {
                let mut text = String::with_capacity($digits);
                self.push_hex(&mut text);
                text
            }

            /// Appends the lower-case hexadecimal digits to a text.
            pub fn push_hex(self, text: &mut String) {
                let mut digits = [0u8; $digits];
                let (pairs, _) = digits.as_chunks_mut::<2>();
                for ([high, low], byte) in pairs.iter_mut().zip(self.0) {
                    (*high, *low) = (hex_digit(byte >> 4), hex_digit(byte & 0x0f));
                }
                text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

fn hex_digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}

id_type!(TraceId, 16, 32);
id_type!(SpanId, 8, 16);

#[cfg(test)]
mod tests;
