//! Whatever is asked for, in whatever order, is what the file has there.

use std::io::Read as _;

use parquet::file::reader::ChunkReader as _;

use super::{BlockFile, MAX_PLACES, STRETCH_BYTES};

fn content() -> Vec<u8> {
    (0..3 * STRETCH_BYTES + 17).map(|place| (place * 31 % 251) as u8).collect()
}

fn files(content: &[u8]) -> (tempfile::TempDir, [BlockFile; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("block");
    std::fs::write(&path, content).unwrap();
    let files = [BlockFile::open(&path).unwrap(), BlockFile::open_to_scan(&path).unwrap()];
    (folder, files)
}

#[test]
fn gives_the_bytes_of_any_place_in_any_order() {
    let content = content();
    let (_folder, files) = files(&content);
    let mut number = 7_usize;
    let mut next = |limit: usize| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % limit
    };
    for file in &files {
        let mut ends = [0; MAX_PLACES + 2];
        for _ in 0..3_000 {
            // Mostly on from where one of some columns was left, sometimes anywhere.
            let column = next(ends.len());
            let start = if next(5) == 0 { next(content.len()) } else { ends[column] };
            let length = next(5_000).min(content.len() - start);
            assert_eq!(file.get_bytes(start as u64, length).unwrap(), content[start..start + length]);
            ends[column] = if start + length == content.len() { 0 } else { start + length };
        }
    }
}

#[test]
fn reads_on_from_any_place() {
    let content = content();
    let (_folder, files) = files(&content);
    for file in &files {
        let mut rest = Vec::new();
        file.get_read(100_000).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, content[100_000..]);
    }
}

#[test]
fn refuses_what_lies_behind_the_end() {
    let content = content();
    let (_folder, files) = files(&content);
    for file in &files {
        assert!(file.get_bytes(content.len() as u64 - 3, 3).is_ok());
        for (start, length) in [(content.len() as u64 - 3, 4), (u64::MAX, 2), (0, usize::MAX)] {
            assert!(file.get_bytes(start, length).is_err(), "{length} bytes at {start}");
        }
    }
}
