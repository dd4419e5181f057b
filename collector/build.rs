//! Makes the built page a part of the binary; without a built page the collector builds all the same.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("ui/dist");
    // A watched path that does not exist would build the collector anew every time, so the folder is made, empty. Where
    // the sources may not be written, that price is paid.
    let _is_there = fs::create_dir(&dist).is_ok();
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let target = Path::new(&env::var("OUT_DIR")?).join("page_files.rs");
    fs::write(target, table(&dist, &files)?)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn table(dist: &Path, files: &[PathBuf]) -> Result<String, Box<dyn Error>> {
    let mut table = String::from("static FILES: &[File] = &[\n");
    for file in files {
        let name =
            file.strip_prefix(dist)?.to_str().ok_or("a file of the page has a name that is not UTF-8")?;
        let source = file.to_str().ok_or("the path of the page is not UTF-8")?;
        let path = format!("/{}", name.replace('\\', "/"));
        writeln!(table, "    File {{ path: {path:?}, bytes: include_bytes!({source:?}) }},")?;
    }
    table.push_str("];\n");
    Ok(table)
}
