//! What was said is read again, and damage costs only the line it hits.

use super::*;

fn written() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MANIFEST");
    let mut manifest = Manifest::replace(&path, [("a.parquet", 3)].into_iter()).unwrap();
    manifest.add("b.parquet", 5).unwrap();
    manifest.add("c.parquet", 8).unwrap();
    manifest.remove("a.parquet").unwrap();
    (folder, path)
}

fn files(contents: &Contents) -> Vec<(&str, u64)> {
    contents.blocks.iter().map(|(file, segment)| (file.as_str(), *segment)).collect()
}

#[test]
fn a_missing_manifest_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(&folder.path().join("MANIFEST")).unwrap(), Contents::default());
}

#[test]
fn reads_back_what_was_said() {
    let (_folder, path) = written();
    let contents = read(&path).unwrap();
    assert_eq!(files(&contents), [("b.parquet", 5), ("c.parquet", 8)]);
    assert!(contents.removed.contains("a.parquet"));
    assert_eq!(contents.torn, 0);
}

#[test]
fn a_swap_is_one_step() {
    let (_folder, path) = written();
    let mut manifest = Manifest::replace(&path, [("a.parquet", 3), ("b.parquet", 5)].into_iter()).unwrap();
    manifest.swap("ab.parquet", 5, ["a.parquet", "b.parquet"].into_iter()).unwrap();
    let whole = fs::read(&path).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(files(&contents), [("ab.parquet", 5)]);
    assert_eq!(contents.removed.len(), 2);
    fs::write(&path, &whole[..whole.len() - 4]).unwrap();
    assert_eq!(files(&read(&path).unwrap()), [("a.parquet", 3), ("b.parquet", 5)]);
}

#[test]
fn a_torn_tail_costs_the_last_line() {
    let (_folder, path) = written();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(files(&contents), [("a.parquet", 3), ("b.parquet", 5), ("c.parquet", 8)]);
    assert_eq!(contents.torn, 1);
}

#[test]
fn a_damaged_line_costs_only_itself() {
    let (_folder, path) = written();
    let text = fs::read_to_string(&path).unwrap().replace("b.parquet 5", "b.parquet 6");
    fs::write(&path, text).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(files(&contents), [("c.parquet", 8)]);
    assert_eq!(contents.torn, 1);
}

#[test]
fn replacing_forgets_what_is_gone() {
    let (_folder, path) = written();
    Manifest::replace(&path, [("z.parquet", 9)].into_iter()).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(files(&contents), [("z.parquet", 9)]);
    assert!(contents.removed.is_empty());
}
