//! Opens a data folder as the last process left it, however that one ended.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::folder::{Folder, failure, sync_folder};
use super::manifest::{self, Manifest};
use super::record::Records;
use super::remote;
use super::segment::{self, Segment, SegmentWriter};
use super::state::Shared;
use crate::store::batch::Heads;
use crate::store::block::Block;
use crate::store::rollup::Kept;
use crate::store::window::{Payload, estimated_bytes};
use crate::store::{Config, StoreError};
use crate::telemetry::Counters;

/// How often a long start says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// An open store that nothing works on yet.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) shared: Arc<Shared>,
    pub(super) manifest: Manifest,
    /// The first segment of the live window, and the segment to append to.
    pub(super) writer: (u64, SegmentWriter),
}

pub(super) fn open(config: Config, counters: Arc<Counters>) -> Result<Opened, StoreError> {
    let folder = Folder::open(&config.data_dir)?;
    let remote = remote::connect(config.object_store.as_ref(), &folder, &counters)?;
    let is_new = !folder.manifest.exists();
    let shared = Arc::new(Shared::new(config, folder, remote, counters));
    let segments = segment::list(&shared.folder.log)
        .map_err(|error| failure("read the log folder", &shared.folder.log, &error))?;
    let (manifest, mut last_in_blocks) = open_blocks(&shared, &segments)?;
    open_rollups(&shared, &segments, last_in_blocks)?;
    if is_new && segments.is_empty() {
        // Rollups may have come from the object store for spans that did not; numbers never come back.
        last_in_blocks = last_in_blocks.max(shared.rollups().last_segment());
    }
    segment::remove_through(&shared.folder.log, last_in_blocks)
        .map_err(|error| failure("remove log segments from", &shared.folder.log, &error))?;
    let to_replay = segments.iter().filter(|segment| segment.number > last_in_blocks);
    let first_of_live = replay(&shared, to_replay, last_in_blocks + 1)?;
    shared.count_rollups();
    shared.rollups().clear_totals();
    let last_segment = segments.last().map_or(last_in_blocks, |segment| segment.number.max(last_in_blocks));
    let writer = SegmentWriter::create(&shared.folder.log, last_segment + 1)
        .map_err(|error| failure("begin a log segment in", &shared.folder.log, &error))?;
    shared.publish_stats();
    Ok(Opened { shared, manifest, writer: (first_of_live, writer) })
}

/// Opens every block that belongs to the store and removes files that do not. Returns the last segment in a block.
fn open_blocks(shared: &Shared, segments: &[Segment]) -> Result<(Manifest, u64), StoreError> {
    let folder = &shared.folder;
    let said = manifest::read(&folder.manifest).map_err(|error| failure("read", &folder.manifest, &error))?;
    if said.torn > 0 {
        shared.counters.manifest_records_torn.inc_by(said.torn);
        tracing::warn!(lines = said.torn, "torn lines of the manifest passed over");
    }
    let mut kept = said.blocks.clone();
    let mut blocks = Vec::new();
    if let Some(remote) = &shared.remote {
        remote::fetch_missing(remote, folder, &said)?;
    }
    for (name, file) in block_files(folder)? {
        let path = folder.blocks.join(&name);
        if said.removed.contains(&name) {
            remove(folder, &path)?;
            continue;
        }
        match Block::open_head(&file, &path) {
            Ok(block) if said.blocks.contains_key(&name) || is_only_copy(&block, segments) => {
                kept.insert(name, block.segments().1);
                blocks.push(Arc::new(block));
            }
            // The process died between writing the block and naming it; the log still has its spans.
            Ok(_) => remove(folder, &path)?,
            Err(error) => {
                shared.counters.block_failures.inc();
                if let Some(remote) = &shared.remote {
                    remote.set_aside([name]);
                }
                tracing::error!(%error, path = %path.display(), "block is not readable and left aside");
            }
        }
    }
    for replaced in take_replaced(&mut blocks) {
        kept.remove(replaced.file_name());
        remove(folder, replaced.path())?;
    }
    let exists = |name: &String| folder.blocks.join(name).exists() || folder.heads.join(name).exists();
    for name in kept.keys().filter(|name| !exists(name)) {
        shared.counters.block_failures.inc();
        tracing::error!(file = name, "a block that the manifest names is missing");
    }
    sync_folder(&folder.blocks).map_err(|error| failure("sync", &folder.blocks, &error))?;
    let last_in_blocks = kept.values().copied().max().unwrap_or(0);
    kept.retain(|name, _| exists(name));
    let names = kept.iter().map(|(name, segment)| (name.as_str(), *segment));
    let manifest = Manifest::replace(&folder.manifest, names)
        .map_err(|error| failure("write", &folder.manifest, &error))?;
    if let Some(remote) = &shared.remote {
        remote.note_away(remote::only_heads(folder)?);
    }
    shared.write().blocks = blocks;
    Ok((manifest, last_in_blocks))
}

/// Takes the blocks out that another one replaces: the process died in a merge, or the manifest that said so was damaged.
/// The others are left by the order of the log.
fn take_replaced(blocks: &mut Vec<Arc<Block>>) -> Vec<Arc<Block>> {
    let all = blocks.clone();
    let is_replaced = |block: &Arc<Block>| all.iter().any(|other| other.replaces(block));
    let replaced = blocks.extract_if(.., |block| is_replaced(block)).collect();
    blocks.sort_by_key(|block| block.segments());
    replaced
}

/// Opens the rollups; those of spans that the log still has are counted again.
fn open_rollups(shared: &Shared, segments: &[Segment], last_in_blocks: u64) -> Result<(), StoreError> {
    let in_log = |(first, last): (u64, u64)| {
        last > last_in_blocks && segments.iter().any(|segment| (first..=last).contains(&segment.number))
    };
    let kept = Kept::open(&shared.folder.rollups, in_log, |path, error| {
        shared.counters.block_failures.inc();
        tracing::error!(%error, path = %path.display(), "file of rollups is not readable and left aside");
    });
    let kept = kept.map_err(|error| failure("open the folder", &shared.folder.rollups, &error))?;
    shared.rollups().keep_in(kept);
    Ok(())
}

/// Whether a block that the manifest does not name must be kept: part of the log it was made of is gone, which only
/// happens after the manifest has named it, so the manifest was damaged.
fn is_only_copy(block: &Block, segments: &[Segment]) -> bool {
    let (first, last) = block.segments();
    (first..=last).any(|number| !segments.iter().any(|segment| segment.number == number))
}

/// Names of blocks, and the file to open each by: the block itself, or its head when the rest is in the object store. What
/// was left unfinished is removed.
fn block_files(folder: &Folder) -> Result<BTreeMap<String, PathBuf>, StoreError> {
    let mut files = BTreeMap::new();
    for place in [&folder.blocks, &folder.heads] {
        let failed = |error| failure("read the folder", place, &error);
        for entry in fs::read_dir(place).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                tracing::info!(path = %path.display(), "unfinished file removed");
                fs::remove_file(&path).map_err(|error| failure("remove", &path, &error))?;
            }
        }
        for (name, path) in remote::names_in(place).map_err(failed)? {
            files.entry(name).or_insert(path);
        }
    }
    Ok(files)
}

/// Removes a block from the disk, its head included.
fn remove(folder: &Folder, path: &Path) -> Result<(), StoreError> {
    tracing::info!(path = %path.display(), "unfinished or expired block file removed");
    let head = path.file_name().map(|name| folder.heads.join(name));
    for file in [Some(path.to_owned()), head].into_iter().flatten() {
        match fs::remove_file(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|error| failure("remove", &file, &error))?,
        }
    }
    Ok(())
}

/// Reads the spans of the log into the live window. A window that is full is frozen at the end of a segment, as it would
/// have been. Returns the first segment of the live window.
fn replay<'a>(
    shared: &Shared,
    segments: impl Iterator<Item = &'a Segment>,
    first_segment: u64,
) -> Result<u64, StoreError> {
    let (mut first_of_live, mut told) = (first_segment, Instant::now());
    for segment in segments {
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            let bytes = shared.log_bytes.load(Ordering::Relaxed);
            tracing::info!(segment = segment.number, bytes, "still reading the log");
        }
        let bytes = fs::read(&segment.path).map_err(|error| failure("read", &segment.path, &error))?;
        let file = File::open(&segment.path).map_err(|error| failure("open", &segment.path, &error))?;
        let file = Arc::new(file);
        shared.log_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut records = Records::new(&bytes);
        for message in records.by_ref() {
            let offset = message.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr()) as u64;
            let payload = Payload::Log { file: Arc::clone(&file), offset, bytes: message.len() as u32 };
            replay_record(shared, segment, message, payload);
        }
        if records.torn() > 0 {
            shared.counters.log_records_torn.inc_by(records.torn());
            tracing::warn!(
                segment = segment.number,
                places = records.torn(),
                "torn records of the log passed over"
            );
        }
        let mut state = shared.write();
        if state.live.spans() >= shared.config.block_max_spans
            || state.live.bytes() >= shared.max_window_bytes()
        {
            state.freeze((first_of_live, segment.number));
            first_of_live = segment.number + 1;
        }
    }
    Ok(first_of_live)
}

fn replay_record(shared: &Shared, segment: &Segment, message: &[u8], payload: Payload) {
    match Heads::scan(message) {
        Ok((heads, _)) => {
            let spans = heads.spans.len();
            let room = shared.reserve_for_replay(spans, estimated_bytes(spans));
            let mut state = shared.write();
            let bytes = state.live.push(heads, message, payload);
            state.live_room.push(room.settled_at(bytes));
        }
        Err(error) => {
            shared.counters.log_records_torn.inc();
            tracing::error!(%error, segment = segment.number, "a record of the log is intact but not readable");
        }
    }
}
