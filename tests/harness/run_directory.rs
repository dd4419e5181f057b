//! The directory of one run: what was started with which files, and what it wrote.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Removed at the end, unless the run failed or `KEEP_RUN=1` is set.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    kept: AtomicBool,
}

impl RunDirectory {
    /// Makes a new directory among the system's temporary files.
    pub fn create() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("throughline-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        for folder in ["logs", "envoy", "truth"] {
            std::fs::create_dir_all(path.join(folder)).with_context(|| format!("make {}", path.display()))?;
        }
        let kept = std::env::var_os("KEEP_RUN").is_some_and(|value| value == "1");
        Ok(Self { path, kept: AtomicBool::new(kept) })
    }

    /// A path inside.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// The log of one process.
    #[must_use]
    pub fn log(&self, process: &str) -> PathBuf {
        self.path.join("logs").join(format!("{process}.log"))
    }

    /// Leaves the directory for somebody to look at, and says where it is.
    pub fn keep(&self) -> &Path {
        self.kept.store(true, Ordering::Relaxed);
        &self.path
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            // Nothing depends on it any more, and there is nobody to tell.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
