//! What the threads share: the book, the rules in force, and how it goes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Config;
use crate::alert::book::Book;
use crate::alert::rules::{self, Rules};

const MAX_RULES_BYTES: u64 = 1024 * 1024;

/// The rules in force, and what is wrong with the file if it cannot be taken.
#[derive(Clone, Debug, Default)]
pub struct RulesState {
    /// In force.
    pub rules: Arc<Rules>,
    /// Why the newest file was not taken; empty when it was.
    pub faults: Vec<String>,
}

/// How the watch goes.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// Series that are watched.
    pub series: u64,
    /// Observations of series beyond the number that is watched.
    pub crowded_out: u64,
    /// How far back the baselines reach.
    pub learned_minutes: u64,
    /// `learned` or `fast-forward`.
    pub baseline: &'static str,
    /// When it last looked.
    pub looked_at_unix_s: u64,
}

/// How telling one receiver goes.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Messages that it took.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// The last failure, until it takes something again.
    pub last_error: Option<String>,
}

#[derive(Debug, Default)]
struct Pace {
    is_stopping: bool,
    /// Grows with each change of the rules: who serves an older one ends.
    generation: u64,
}

/// Shared by all threads; no lock is held while anything waits for disk or network, but for saving the book.
#[derive(Debug)]
pub struct Shared {
    book: Mutex<Book>,
    rules: Mutex<RulesState>,
    text_of_rules: Mutex<Option<String>>,
    watching: Mutex<Watching>,
    deliveries: Mutex<BTreeMap<String, Delivery>>,
    pace: Mutex<Pace>,
    changed: Condvar,
    saving: Mutex<()>,
    config: Config,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn open(config: &Config) -> Result<Self, String> {
        let text = config.rules_file.as_deref().map(read_rules).transpose()?;
        let rules = match &text {
            Some(text) => {
                rules::parse(text).map_err(|faults| named(config.rules_file.as_deref(), &faults))?
            }
            None => Rules::default(),
        };
        Ok(Self {
            book: Mutex::new(read_book(&config.book_file)),
            rules: Mutex::new(RulesState { rules: Arc::new(rules), faults: Vec::new() }),
            text_of_rules: Mutex::new(text),
            watching: Mutex::default(),
            deliveries: Mutex::default(),
            pace: Mutex::default(),
            changed: Condvar::new(),
            saving: Mutex::default(),
            config: config.clone(),
        })
    }

    /// The book, locked.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// The rules in force, with what is wrong with a newer file.
    pub fn rules_state(&self) -> RulesState {
        lock(&self.rules).clone()
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&lock(&self.rules).rules)
    }

    /// Where people reach the page.
    pub fn external_url(&self) -> String {
        lock(&self.rules).rules.external_url.clone()
    }

    /// How the watch goes.
    pub fn watching(&self) -> Watching {
        lock(&self.watching).clone()
    }

    pub(super) fn note(&self, watching: Watching) {
        *lock(&self.watching) = watching;
    }

    /// How telling the receivers goes, by name.
    pub fn deliveries(&self) -> BTreeMap<String, Delivery> {
        lock(&self.deliveries).clone()
    }

    pub(in super::super) fn count_delivery(&self, receiver: &str, error: Option<String>) {
        let mut deliveries = lock(&self.deliveries);
        let delivery = deliveries.entry(receiver.to_owned()).or_default();
        *(if error.is_none() { &mut delivery.delivered } else { &mut delivery.failed }) += 1;
        delivery.last_error = error;
    }

    pub(super) fn is_fast_forwarding(&self) -> bool {
        self.config.fast_forward_minutes.is_some()
    }

    /// Takes a changed file. What is wrong with it leaves the old rules in force. Says whether there are new ones.
    pub(super) fn reload_rules(&self) -> bool {
        let Some(path) = self.config.rules_file.as_deref() else { return false };
        let read = read_rules(path);
        let mut before = lock(&self.text_of_rules);
        if read.as_ref().ok() == before.as_ref() {
            lock(&self.rules).faults.clear();
            return false;
        }
        let parsed = read.and_then(|text| {
            let rules = rules::parse(&text).map_err(|faults| named(Some(path), &faults))?;
            *before = Some(text);
            Ok(rules)
        });
        let mut state = lock(&self.rules);
        match parsed {
            Ok(rules) => {
                *state = RulesState { rules: Arc::new(rules), faults: Vec::new() };
                lock(&self.pace).generation += 1;
                self.changed.notify_all();
                tracing::info!("alert rules were read anew");
                true
            }
            Err(fault) => {
                if state.faults.first() != Some(&fault) {
                    tracing::warn!(%fault, "changed alert rules are not usable, the old ones stay in force");
                }
                state.faults = vec![fault];
                false
            }
        }
    }

    pub(super) fn generation(&self) -> u64 {
        lock(&self.pace).generation
    }

    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.pace).is_stopping
    }

    pub(super) fn stop(&self) {
        lock(&self.pace).is_stopping = true;
        self.changed.notify_all();
    }

    /// Waits; false when the process stops or the rules are of another generation now.
    pub(in super::super) fn sleep(&self, time: Duration, generation: u64) -> bool {
        let deadline = Instant::now() + time;
        let mut pace = lock(&self.pace);
        loop {
            if pace.is_stopping || pace.generation != generation {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(pace, left);
            pace = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes the book: beside the old one first, so that a crash leaves one of the two.
    pub fn save(&self) {
        let _one_at_a_time = lock(&self.saving);
        let written = serde_json::to_vec(&*self.book()).map_err(std::io::Error::from).and_then(|json| {
            let beside = self.config.book_file.with_extension("new");
            fs::write(&beside, json)?;
            fs::File::open(&beside)?.sync_all()?;
            fs::rename(&beside, &self.config.book_file)
        });
        if let Err(error) = written {
            tracing::error!(%error, "alerts could not be saved");
        }
    }
}

fn read_book(path: &Path) -> Book {
    let Ok(json) = fs::read(path) else { return Book::default() };
    serde_json::from_slice(&json).unwrap_or_else(|error| {
        let aside: PathBuf = path.with_extension("unreadable");
        tracing::error!(%error, aside = %aside.display(), "the saved alerts are damaged and were put aside");
        let _is_kept = fs::rename(path, &aside);
        Book::default()
    })
}

fn read_rules(path: &Path) -> Result<String, String> {
    let size =
        fs::metadata(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?.len();
    if size > MAX_RULES_BYTES {
        return Err(format!("{} has {size} bytes; rules have at most {MAX_RULES_BYTES}", path.display()));
    }
    fs::read_to_string(path).map_err(|error| format!("{} cannot be read as text: {error}", path.display()))
}

fn named(path: Option<&Path>, faults: &[String]) -> String {
    let path = path.unwrap_or(Path::new("rules")).display();
    faults.iter().map(|fault| format!("{path}: {fault}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
