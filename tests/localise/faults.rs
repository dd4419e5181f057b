//! Labelled faults: which service was harmed in which minute, and the files with the traces of the minutes after.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// One fault that was injected, and what was recorded.
pub(crate) struct Fault {
    pub(crate) service: String,
    pub(crate) kind: String,
    /// Traces of the first and of the second minute after its own.
    pub(crate) minutes: [Option<PathBuf>; 2],
}

/// As the data set tells it.
#[derive(Deserialize)]
struct Told {
    inject_time: String,
    inject_pod: String,
    inject_type: String,
}

/// The file of a time when nothing was wrong.
pub(crate) fn normal(folder: &Path) -> anyhow::Result<PathBuf> {
    let files = files_with(folder, |name| name.starts_with("normal_"))?;
    files.into_iter().next().with_context(|| format!("no file normal_* in {}", folder.display()))
}

/// All faults in the folder's `*fault_list.json`, those without a recorded minute included.
pub(crate) fn all(folder: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for list in files_with(folder, |name| name.ends_with("fault_list.json"))? {
        let hours: BTreeMap<String, Vec<Told>> = serde_json::from_slice(&std::fs::read(&list)?)
            .with_context(|| format!("{} is no list of faults", list.display()))?;
        for told in hours.into_values().flatten() {
            let minutes =
                [minute_after(folder, &told.inject_time, 1)?, minute_after(folder, &told.inject_time, 2)?];
            let service = told.inject_pod.rsplitn(3, '-').nth(2).unwrap_or(&told.inject_pod).to_owned();
            faults.push(Fault { service, kind: told.inject_type, minutes });
        }
    }
    Ok(faults)
}

fn files_with(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The file of the minute so many minutes after `2022-08-22 03:53:54`, on the same day.
fn minute_after(folder: &Path, time: &str, minutes: u32) -> anyhow::Result<Option<PathBuf>> {
    let wrong = || format!("{time:?} is no time such as 2022-08-22 03:53:54");
    let (day, clock) = time.split_once(' ').with_context(wrong)?;
    let mut parts = clock.split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next().with_context(wrong)??, parts.next().with_context(wrong)??);
    let total = hour * 60 + minute + minutes;
    let file = folder.join(format!("faulty_{day}_{:02}_{:02}.csv.gz", total / 60, total % 60));
    Ok(file.is_file().then_some(file))
}
