//! The manifest: which blocks belong to the store, and through which log segment each of them reaches.
//!
//! One line for each event: `CHECKSUM add FILE SEGMENT`, `CHECKSUM remove FILE`, or `CHECKSUM swap FILE SEGMENT FILE...`, which
//! puts the first file in the place of the others in one step. A line with a wrong checksum is passed
//! over: what it said can be rebuilt, because each block names its segments in its own footer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::folder::sync_folder;

/// What a manifest says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// File names of blocks, and the last log segment each holds.
    pub(super) blocks: BTreeMap<String, u64>,
    /// File names of blocks that were given up.
    pub(super) removed: BTreeSet<String>,
    /// Lines that could not be read.
    pub(super) torn: u64,
}

/// Reads a manifest; one that does not exist is empty.
pub(super) fn read(path: &Path) -> io::Result<Contents> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let mut contents = Contents::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(parse_line) {
            Some(Event::Add(file, segment)) => {
                contents.blocks.insert(file, segment);
            }
            Some(Event::Swap(file, segment, replaced)) => {
                for file in replaced {
                    contents.blocks.remove(&file);
                    contents.removed.insert(file);
                }
                contents.blocks.insert(file, segment);
            }
            Some(Event::Remove(file)) => {
                contents.blocks.remove(&file);
                contents.removed.insert(file);
            }
            None => contents.torn += 1,
        }
    }
    Ok(contents)
}

enum Event {
    Add(String, u64),
    Remove(String),
    Swap(String, u64, Vec<String>),
}

fn parse_line(line: &str) -> Option<Event> {
    let (checksum, event) = line.split_once(' ')?;
    if u32::from_str_radix(checksum, 16).ok()? != crc32fast::hash(event.as_bytes()) {
        return None;
    }
    match event.split(' ').collect::<Vec<_>>().as_slice() {
        ["add", file, segment] => Some(Event::Add((*file).to_owned(), segment.parse().ok()?)),
        ["swap", file, segment, replaced @ ..] => {
            let replaced = replaced.iter().map(|file| (*file).to_owned()).collect();
            Some(Event::Swap((*file).to_owned(), segment.parse().ok()?, replaced))
        }
        ["remove", file] => Some(Event::Remove((*file).to_owned())),
        _ => None,
    }
}

fn line(event: &str) -> String {
    format!("{:08x} {event}\n", crc32fast::hash(event.as_bytes()))
}

/// The manifest that is appended to.
#[derive(Debug)]
pub(super) struct Manifest {
    file: File,
}

impl Manifest {
    /// Replaces the manifest by one that names exactly these blocks, in one step.
    pub(super) fn replace<'a>(path: &Path, blocks: impl Iterator<Item = (&'a str, u64)>) -> io::Result<Self> {
        let unfinished = path.with_extension("tmp");
        let text: String = blocks.map(|(file, segment)| line(&format!("add {file} {segment}"))).collect();
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map(sync_folder).transpose()?;
        Ok(Self { file: OpenOptions::new().append(true).open(path)? })
    }

    /// Says durably that a block holds all spans through a log segment.
    pub(super) fn add(&mut self, file: &str, segment: u64) -> io::Result<()> {
        self.append(&format!("add {file} {segment}"))
    }

    /// Says durably that a block stands for others.
    pub(super) fn swap<'a>(
        &mut self,
        file: &str,
        segment: u64,
        replaced: impl Iterator<Item = &'a str>,
    ) -> io::Result<()> {
        let replaced: String = replaced.map(|file| format!(" {file}")).collect();
        self.append(&format!("swap {file} {segment}{replaced}"))
    }

    /// Says durably that a block is given up.
    pub(super) fn remove(&mut self, file: &str) -> io::Result<()> {
        self.append(&format!("remove {file}"))
    }

    fn append(&mut self, event: &str) -> io::Result<()> {
        // The line break in front ends a line that an earlier failure may have left torn.
        self.file.write_all(format!("\n{}", line(event)).as_bytes())?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests;
