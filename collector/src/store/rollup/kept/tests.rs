//! Files are merged, expired and found again, and nothing is counted twice or lost.

use std::sync::Arc;

use super::*;
use crate::store::Budget;
use crate::store::rollup::{Exemplar, Figures, Links, Rollup, Series, rows};
use throughline_model::id::{SpanId, TraceId};
use throughline_model::link::LinkKind;
use throughline_model::span::SpanKind;

fn part(minute: u64) -> Part {
    let mut part = Part::default();
    let exemplar = Exemplar {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[9; 8]).unwrap(),
        start_unix_ns: minute * 60_000_000_000,
        duration_ns: 1_000 + minute,
    };
    let operation =
        Series::Operation { service: Arc::from("cart"), kind: SpanKind::Server, operation: Arc::from("GET") };
    let edge = Series::Edge { client: Arc::from(""), server: Arc::from("cart"), route: Arc::from("GET") };
    for series in [operation, edge] {
        let mut figures = Figures { calls: 3, errors: 1, one_sided: 2, ..Figures::default() };
        [minute, 1_000 + minute].into_iter().for_each(|duration| figures.durations.observe(duration));
        figures.client_durations.observe(5);
        [LinkKind::Propagated, LinkKind::None]
            .into_iter()
            .for_each(|kind| figures.links.observe(kind, minute));
        figures.slowest = Some(exemplar);
        figures.slowest_error = minute.is_multiple_of(2).then_some(exemplar);
        part.add(minute * 60, &series, &figures);
    }
    part
}

fn open(folder: &Path) -> Kept {
    Kept::open(folder, |_| false, |path, error| panic!("{path:?}: {error}")).unwrap()
}

fn filled(files: u64) -> (tempfile::TempDir, Kept) {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = open(folder.path());
    for number in 1..=files {
        let part = part(number);
        let written = Kept::write(folder.path(), (number, number), &part).unwrap();
        kept.add(written, part);
    }
    (folder, kept)
}

fn read(kept: &mut Kept, filter: &RollupFilter) -> Vec<Rollup> {
    let mut sum = Sum::default();
    kept.read(filter, &mut sum, &Budget::unlimited()).unwrap();
    sum.into_rollups()
}

#[test]
fn what_is_read_back_equals_what_was_counted() {
    let (folder, mut kept) = filled(5);
    let counted = read(&mut kept, &RollupFilter::default());
    assert_eq!(counted.len(), 10);
    assert_eq!(read(&mut open(folder.path()), &RollupFilter::default()), counted);
    let later = RollupFilter { since_unix_s: Some(299), ..RollupFilter::default() };
    assert_eq!(read(&mut open(folder.path()), &later), counted[6..]);
}

/// Format 1 has all columns but those of links.
fn write_as_before(folder: &Path, number: u64) {
    let columns = rows::to_columns(&part(number)).unwrap();
    let known: Vec<usize> = (0..columns.num_columns() - file::LINK_COLUMNS.len()).collect();
    let columns = columns.project(&known).unwrap();
    file::write_columns(folder, (number, number), (number * 60, number * 60), ("1", &columns)).unwrap();
}

#[test]
fn files_of_the_format_before_are_read_and_merged() {
    let (folder, mut kept) = filled(20);
    let mut counted = read(&mut kept, &RollupFilter::default());
    for number in 1..=10 {
        write_as_before(folder.path(), number);
    }
    counted.iter_mut().filter(|rollup| rollup.minute_unix_s <= 600).for_each(|rollup| {
        rollup.figures.links = Links::default();
    });
    let mut kept = open(folder.path());
    assert_eq!(read(&mut kept, &RollupFilter::default()), counted);
    assert_eq!(kept.merge().unwrap(), MERGED_FILES);
    assert_eq!(read(&mut open(folder.path()), &RollupFilter::default()), counted);
}

#[test]
fn files_of_a_format_to_come_are_left_aside() {
    let (folder, _) = filled(1);
    let columns = rows::to_columns(&part(2)).unwrap();
    file::write_columns(folder.path(), (2, 2), (120, 120), ("3", &columns)).unwrap();
    let mut faults = Vec::new();
    let kept = Kept::open(folder.path(), |_| false, |_, fault| faults.push(fault.to_string())).unwrap();
    assert_eq!(kept.files.len(), 1);
    assert!(faults[0].contains("another version"), "{faults:?}");
}

#[test]
fn merged_files_count_the_same() {
    let (folder, mut kept) = filled(40);
    let counted = read(&mut kept, &RollupFilter::default());
    assert_eq!(kept.merge().unwrap(), MERGED_FILES);
    assert_eq!(kept.files.len(), 40 - MERGED_FILES + 1);
    assert_eq!(read(&mut kept, &RollupFilter::default()), counted);
    while kept.merge().unwrap() > 0 {}
    assert!(kept.files.len() < MERGED_FILES);
    assert_eq!(read(&mut open(folder.path()), &RollupFilter::default()), counted);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), kept.files.len());
}

#[test]
fn a_kill_in_a_merge_counts_nothing_twice() {
    let (folder, mut kept) = filled(20);
    let counted = read(&mut kept, &RollupFilter::default());
    let before = tempfile::tempdir().unwrap();
    for kept in &kept.files {
        fs::copy(&kept.path, before.path().join(kept.path.file_name().unwrap())).unwrap();
    }
    kept.merge().unwrap();
    // The merged file is there, and some of its parts, and one that was being written.
    for name in ["00000003-00000003.parquet", "00000016-00000016.parquet"] {
        fs::copy(before.path().join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("00000001-00000020.tmp"), b"half").unwrap();
    assert_eq!(read(&mut open(folder.path()), &RollupFilter::default()), counted);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn old_files_go_and_those_that_are_counted_again() {
    let (folder, mut kept) = filled(4);
    assert_eq!(kept.expire(180).unwrap(), 2);
    assert_eq!(read(&mut kept, &RollupFilter::default()).len(), 4);
    let mut reopened = Kept::open(folder.path(), |(_, last)| last == 4, |_, _| {}).unwrap();
    assert_eq!(read(&mut reopened, &RollupFilter::default()).len(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_is_left_aside_and_reported() {
    let (folder, _) = filled(3);
    fs::write(folder.path().join("00000002-00000002.parquet"), b"PAR1 damaged PAR1").unwrap();
    let mut reported = 0;
    let mut kept = Kept::open(folder.path(), |_| false, |_, _| reported += 1).unwrap();
    assert_eq!(reported, 1);
    assert_eq!(read(&mut kept, &RollupFilter::default()).len(), 4);
}
