//! The filter's module as bytes: where it can panic, and copies of it in which one function traps.

mod panic_sites;

use anyhow::{Context, Result, ensure};

pub use panic_sites::{PanicSite, panic_sites};

const HEADER_BYTES: usize = 8;
const IMPORT_SECTION: u8 = 2;
const EXPORT_SECTION: u8 = 7;
const CODE_SECTION: u8 = 10;
const DATA_SECTION: u8 = 11;
/// `external kind` of functions in imports and exports.
const FUNCTION: u8 = 0;
/// A body without locals that is `unreachable; end`: valid for every signature.
const TRAP: [u8; 3] = [0x00, 0x00, 0x0b];

/// A copy of a module whose exported function traps as soon as it is called.
pub fn with_trap_in(module: &[u8], export: &str) -> Result<Vec<u8>> {
    let sections = sections(module)?;
    let body = |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map(|(_, body)| *body);
    let imported = imported_functions(body(IMPORT_SECTION).unwrap_or_default())?;
    let index = exported_function(body(EXPORT_SECTION).unwrap_or_default(), export)?;
    let defined = index.checked_sub(imported).with_context(|| format!("`{export}` is imported"))?;
    ensure!(body(CODE_SECTION).is_some(), "the module has no code");
    let mut copy = module.get(..HEADER_BYTES).context("a header")?.to_vec();
    for (id, body) in sections {
        let changed = if id == CODE_SECTION { replace_body(body, defined)? } else { body.to_vec() };
        copy.push(id);
        put_number(&mut copy, changed.len());
        copy.extend_from_slice(&changed);
    }
    Ok(copy)
}

/// All sections with their ids, in order.
fn sections(module: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    ensure!(module.starts_with(b"\0asm\x01\0\0\0"), "this is no WebAssembly module");
    let mut rest = module.get(HEADER_BYTES..).unwrap_or_default();
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let id = byte(&mut rest)?;
        sections.push((id, block(&mut rest)?));
    }
    Ok(sections)
}

fn imported_functions(mut section: &[u8]) -> Result<usize> {
    let mut functions = 0;
    for _ in 0..number(&mut section)? {
        block(&mut section)?;
        block(&mut section)?;
        ensure!(byte(&mut section)? == FUNCTION, "the module imports something else than functions");
        number(&mut section)?;
        functions += 1;
    }
    Ok(functions)
}

fn exported_function(mut section: &[u8], export: &str) -> Result<usize> {
    for _ in 0..number(&mut section)? {
        let name = block(&mut section)?;
        let kind = byte(&mut section)?;
        let index = number(&mut section)?;
        if name == export.as_bytes() && kind == FUNCTION {
            return Ok(index);
        }
    }
    anyhow::bail!("the module exports no function `{export}`")
}

fn replace_body(mut section: &[u8], defined: usize) -> Result<Vec<u8>> {
    let count = number(&mut section)?;
    ensure!(defined < count, "the module has no function number {defined}");
    let mut changed = Vec::new();
    put_number(&mut changed, count);
    for at in 0..count {
        let body = block(&mut section)?;
        let body = if at == defined { TRAP.as_slice() } else { body };
        put_number(&mut changed, body.len());
        changed.extend_from_slice(body);
    }
    Ok(changed)
}

fn byte(rest: &mut &[u8]) -> Result<u8> {
    let (first, left) = rest.split_first().context("the module ends too soon")?;
    *rest = left;
    Ok(*first)
}

/// A number of the binary format: LEB128.
fn number(rest: &mut &[u8]) -> Result<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let next = byte(rest)?;
        value |= usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Ok(value);
        }
    }
    anyhow::bail!("a number of the module is too long")
}

/// A length, and as many bytes.
fn block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = number(rest)?;
    let (block, left) = rest.split_at_checked(length).context("the module ends too soon")?;
    *rest = left;
    Ok(block)
}

fn put_number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests;
