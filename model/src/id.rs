//! Trace and span ids, in the textual and binary form of W3C Trace Context Level 2, sections 3.2.2.3 and 3.2.2.4.

mod hexadecimal;

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
                let text: &[u8; $digits] = text.try_into().ok()?;
                let mut array = [0u8; $bytes];
                let (words, _) = text.as_chunks::<8>();
                let (places, _) = array.as_chunks_mut::<4>();
                for (place, digits) in places.iter_mut().zip(words) {
                    *place = hexadecimal::bytes(*digits)?;
                }
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
                let mut digits = [[0u8; 8]; $digits / 8];
                let (words, _) = self.0.as_chunks::<4>();
                for (digits, word) in digits.iter_mut().zip(words) {
                    *digits = hexadecimal::digits(*word);
                }
                text.push_str(std::str::from_utf8(digits.as_flattened()).unwrap_or_default());
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

id_type!(TraceId, 16, 32);
id_type!(SpanId, 8, 16);

#[cfg(test)]
mod tests;
