//! Data that one run leaves for later ones: filling a hundred million spans takes most of an hour.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Whether a collector has written into a folder.
pub(crate) fn is_there(folder: &Path) -> bool {
    folder.join("MANIFEST").is_file()
}

/// Gives the files of one data folder to another. Blocks never change, so they are linked where both are on one disk; all
/// else is copied. Whoever works on the one leaves the other as it is.
pub(crate) fn hand_over(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            hand_over(&source, &target)?;
            continue;
        }
        let is_block = source.extension().is_some_and(|extension| extension == "parquet");
        if !is_block || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target).with_context(|| format!("copy {}", source.display()))?;
        }
    }
    Ok(())
}
