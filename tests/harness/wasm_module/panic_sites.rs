//! Where a module can panic: each place in the sources that its code hands to the panic handler.
//!
//! A panic carries a `core::panic::Location`: in WebAssembly 16 bytes of static data that hold the address and the length
//! of the file's name, the line and the column. A location whose address the code loads belongs to a panic that
//! can be reached as far as the linker knows; one that nothing loads is left over from code that is gone.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::{Result, ensure};

use super::{CODE_SECTION, DATA_SECTION, block, byte, number, sections};

const LOCATION_BYTES: usize = 16;
/// The names of source files are within these lengths.
const NAME_LENGTHS: Range<usize> = 5..256;
const MAX_LINE: u32 = 100_000;
const MAX_COLUMN: u32 = 1_000;
/// `i32.const`, and `end` behind the address of a segment.
const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;
/// The length of the hash in the path of the standard library's sources.
const COMMIT_CHARS: usize = 40;

/// One place in the sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PanicSite {
    /// The file; the standard library's begin with `library/`.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// Static data and the address it is put at.
struct Segment<'a> {
    address: usize,
    bytes: &'a [u8],
}

/// Every place at which the module can panic, in order.
pub fn panic_sites(module: &[u8]) -> Result<BTreeSet<PanicSite>> {
    let sections = sections(module)?;
    let body =
        |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map(|(_, body)| *body).unwrap_or_default();
    let segments = segments(body(DATA_SECTION))?;
    let loaded = loaded_constants(body(CODE_SECTION));
    let mut sites = BTreeSet::new();
    for segment in &segments {
        for (at, location) in segment.bytes.windows(LOCATION_BYTES).enumerate() {
            let address = segment.address + at;
            if address.is_multiple_of(4)
                && loaded.contains(&address)
                && let Some(site) = read_location(location, &segments)
            {
                sites.insert(site);
            }
        }
    }
    Ok(sites)
}

fn segments(mut section: &[u8]) -> Result<Vec<Segment<'_>>> {
    let mut segments = Vec::new();
    if section.is_empty() {
        return Ok(segments);
    }
    for _ in 0..number(&mut section)? {
        ensure!(number(&mut section)? == 0, "a segment is passive or in another memory");
        ensure!(byte(&mut section)? == I32_CONST, "a segment's address is not a constant");
        let address = number(&mut section)?;
        ensure!(byte(&mut section)? == END, "a segment's address is more than a constant");
        segments.push(Segment { address, bytes: block(&mut section)? });
    }
    Ok(segments)
}

/// Whatever could be the operand of an `i32.const`. Bytes that only look like one make the answer larger, never smaller.
fn loaded_constants(code: &[u8]) -> BTreeSet<usize> {
    let starts = code.iter().enumerate().filter(|(_, byte)| **byte == I32_CONST);
    starts.filter_map(|(at, _)| number(&mut code.get(at + 1..)?).ok()).collect()
}

fn read_location(location: &[u8], segments: &[Segment<'_>]) -> Option<PanicSite> {
    let mut numbers =
        location.chunks_exact(4).filter_map(|chunk| Some(u32::from_le_bytes(chunk.try_into().ok()?)));
    let mut next = || numbers.next();
    let (address, length, line, column) =
        (usize::try_from(next()?).ok()?, usize::try_from(next()?).ok()?, next()?, next()?);
    let is_plausible =
        NAME_LENGTHS.contains(&length) && (1..MAX_LINE).contains(&line) && (1..MAX_COLUMN).contains(&column);
    if !is_plausible {
        return None;
    }
    let name = segments.iter().find_map(|segment| {
        let start = address.checked_sub(segment.address)?;
        segment.bytes.get(start..start.checked_add(length)?)
    })?;
    let name = std::str::from_utf8(name).ok().filter(|name| name.ends_with(".rs"))?;
    Some(PanicSite { file: without_commit(name).to_owned(), line })
}

/// The standard library's files are named after the commit of the compiler.
fn without_commit(name: &str) -> &str {
    let rest = name.strip_prefix("/rustc/").and_then(|rest| rest.get(COMMIT_CHARS + 1..));
    rest.unwrap_or(name)
}
