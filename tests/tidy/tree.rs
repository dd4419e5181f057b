//! Every text file that belongs to the repository, and what is wrong with one of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One text file; the path is relative to the root of the repository, with `/` between its parts.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// A file that exists only in a test.
    pub(crate) fn example(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(crate) fn extension(&self) -> &str {
        self.file_name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// Code that ships: not unit tests, not the package of tests.
    pub(crate) fn is_product_code(&self) -> bool {
        self.is_rust()
            && ["model/src/", "filter/src/", "collector/src/"].iter().any(|root| self.path.starts_with(root))
            && self.file_name() != "tests.rs"
            && !self.path.contains("/tests/")
    }
}

/// One breach of one rule.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) remedy: String,
}

impl Violation {
    pub(crate) fn new(file: &SourceFile, line: usize, rule: &'static str, remedy: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, rule, remedy: remedy.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}: {}", self.path, self.line, self.rule, self.remedy)
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package of tests lies in the root").to_owned()
}

/// Every text file that git tracks or would track; what `.gitignore` names is none of them.
pub(crate) fn repository() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        let files: Vec<SourceFile> = listed_paths().into_iter().filter_map(read_text).collect();
        assert!(files.len() > 50, "git listed only {} files: this must run in the repository", files.len());
        files
    })
}

fn listed_paths() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git must be installed: it says which files belong to the repository");
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let mut paths: Vec<String> =
        listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// `None` for a file that is not text, or that is listed but was deleted.
fn read_text(path: String) -> Option<SourceFile> {
    let bytes = std::fs::read(root().join(&path)).ok()?;
    String::from_utf8(bytes).ok().map(|text| SourceFile { path, text })
}

/// Runs one rule over the whole repository and fails with every breach of it.
pub(crate) fn hold(rule: impl Fn(&SourceFile) -> Vec<Violation>) {
    assert_none(repository().iter().flat_map(rule).collect());
}

/// Fails with every breach given.
pub(crate) fn assert_none(violations: Vec<Violation>) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} breaches of a rule:\n{}", lines.len(), lines.join("\n"));
}
