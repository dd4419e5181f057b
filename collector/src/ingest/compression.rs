//! Compressed bodies, with a bound on what comes out of them and on the memory that takes.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::body;
use super::refusal::Refusal;

/// The largest window of zstd that is decoded, as a power of two: 8 MiB, which every decoder is asked to take (RFC 8878,
/// section 3.1.1.1.2).
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The encoding by the name in a header.
    pub(super) fn from_name(name: &[u8]) -> Result<Self, Refusal> {
        match name {
            b"gzip" => Ok(Self::Gzip),
            b"zstd" => Ok(Self::Zstd),
            b"identity" | b"" => Ok(Self::Identity),
            other => {
                let name = String::from_utf8_lossy(other);
                let words = format!("the encoding `{name}` is not taken; send gzip, zstd or none");
                Err(Refusal::WrongType(words))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What the bytes were before they were compressed.
    pub(super) fn decompress(self, bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, Refusal> {
        let decompressed = match self {
            Self::Identity => return Ok(bytes.to_vec()),
            Self::Gzip => read(MultiGzDecoder::new(bytes), max_bytes),
            Self::Zstd => zstd_reader(bytes).and_then(|reader| read(reader, max_bytes)),
        };
        let payload = decompressed.map_err(|error| {
            let name = self.name();
            Refusal::Malformed(format!("the body is not {name} as its encoding says: {error}"))
        })?;
        if payload.len() > max_bytes { Err(body::too_large(max_bytes)) } else { Ok(payload) }
    }
}

fn zstd_reader(bytes: &[u8]) -> io::Result<impl Read + '_> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// One byte more than allowed tells a message that is too large from one that just fits.
fn read(reader: impl Read, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    reader.take(max_bytes as u64 + 1).read_to_end(&mut payload)?;
    Ok(payload)
}
