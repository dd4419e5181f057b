//! Runs the watch: reads what happened from the store, keeps the book, and starts who tells receivers. One thread detects
//! and one thread tells each receiver, so that neither a slow disk nor a receiver that hangs holds up anything else.

mod evidence;
mod feed;
mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::notify::{now_unix_s, tell_forever};
use super::watch::Watch;
use crate::store::Store;
use feed::Feed;

pub(super) use state::Shared;
pub use state::{RulesState, Watching};

const TICK: Duration = Duration::from_secs(2);
const LOOKS_PER_TICK: u32 = 8;
/// Both ends of a call are known so long after it ended; until then a minute is not looked at.
const VISIBLE_AFTER_S: u64 = 12;

/// What the engine needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Rules over the built-in ones; read again whenever it changes.
    pub rules_file: Option<PathBuf>,
    /// Take so many minutes of observation for a whole day.
    pub fast_forward_minutes: Option<u32>,
    /// Where the book is kept.
    pub book_file: PathBuf,
}

/// The running alerts; clones share them.
#[derive(Clone)]
pub struct Alerts {
    shared: Arc<Shared>,
}

/// Stops the threads when it is asked to.
pub struct Running {
    shared: Arc<Shared>,
    detecting: JoinHandle<()>,
}

impl Alerts {
    /// Reads rules and book and starts to watch. The error names every fault of the rules.
    pub fn start(config: Config, store: Arc<dyn Store>) -> Result<(Self, Running), String> {
        let shared = Arc::new(Shared::open(&config)?);
        let watch = config.fast_forward_minutes.map_or_else(Watch::default, Watch::with_fast_forward);
        let detector = Detecting { shared: Arc::clone(&shared), feed: Feed::new(store), watch };
        let detecting = std::thread::Builder::new()
            .name("alerts".to_owned())
            .spawn(move || detector.run())
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok((Self { shared: Arc::clone(&shared) }, Running { shared, detecting }))
    }

    /// Rules and book, and nobody who watches: what a test writes into the book stays there.
    #[cfg(test)]
    pub(crate) fn without_watch(config: &Config) -> Result<Self, String> {
        Ok(Self { shared: Arc::new(Shared::open(config)?) })
    }

    /// The book, rules and numbers.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Running {
    /// Stops detecting; receivers that are being told keep at most their time limit.
    pub fn stop(self) {
        self.shared.stop();
        let _has_ended_well = self.detecting.join();
        self.shared.save();
    }
}

struct Detecting {
    shared: Arc<Shared>,
    feed: Feed,
    watch: Watch,
}

impl Detecting {
    fn run(mut self) {
        let generation = self.shared.generation();
        self.start_receivers(generation);
        self.learn_history();
        let mut generation = generation;
        loop {
            if self.shared.reload_rules() {
                generation = self.shared.generation();
                self.start_receivers(generation);
            }
            self.tick();
            for _ in 0..LOOKS_PER_TICK {
                if !self.shared.sleep(TICK / LOOKS_PER_TICK, generation) {
                    break;
                }
                self.look_at_traces();
            }
            if self.shared.is_stopping() {
                return;
            }
        }
    }

    fn start_receivers(&self, generation: u64) {
        let receivers = self.shared.rules().receivers.clone();
        let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        let is_changed = self.shared.book().set_receivers(now_unix_s(), &names);
        if is_changed {
            self.shared.save();
        }
        for receiver in receivers {
            let shared = Arc::clone(&self.shared);
            let name = format!("notify-{generation}");
            let started = std::thread::Builder::new()
                .name(name)
                .spawn(move || tell_forever(&shared, &receiver, generation));
            if let Err(error) = started {
                tracing::error!(%error, "no thread to tell a receiver");
            }
        }
    }

    /// What the store remembers teaches before anything is watched, so that a restart forgets nothing.
    fn learn_history(&mut self) {
        let (rules, now) = (self.shared.rules(), now_unix_s());
        if self.shared.is_fast_forwarding() {
            self.feed.begin_at(now);
            return;
        }
        self.feed.begin_at_oldest(now);
        while !self.shared.is_stopping() {
            match self.feed.next_hours(now.saturating_sub(VISIBLE_AFTER_S)) {
                Ok(minutes) if minutes.is_empty() => break,
                Ok(minutes) => {
                    minutes.iter().for_each(|(minute, samples)| self.watch.observe(*minute, samples, &rules));
                }
                Err(error) => {
                    tracing::warn!(%error, "history could not be read, baselines begin anew");
                    break;
                }
            }
        }
    }

    /// Traces are looked at soon after they have gone quiet, while the store knows them without reading.
    fn look_at_traces(&mut self) {
        let now = now_unix_s();
        for shape in self.feed.finished_traces() {
            self.watch.observe_shape(now, shape);
        }
    }

    fn tick(&mut self) {
        let (rules, now) = (self.shared.rules(), now_unix_s());
        let visible = now.saturating_sub(VISIBLE_AFTER_S);
        match self.feed.newest(visible) {
            Ok(minutes) => {
                minutes.iter().for_each(|(minute, samples)| self.watch.observe(*minute, samples, &rules));
            }
            Err(error) => tracing::warn!(%error, "what happened lately could not be read"),
        }
        if self.watch.fast_forward(&rules) {
            tracing::warn!("baselines were made by fast-forward from a few minutes of observation");
        }
        let signals = self.watch.signals(now, visible, &rules);
        let calls = self.watch.calls();
        let is_changed = self.shared.book().update(now, &signals, &calls);
        self.shared.note(Watching {
            series: self.watch.series() as u64,
            crowded_out: self.watch.crowded_out(),
            learned_minutes: self.watch.learned_minutes().unsigned_abs(),
            baseline: self.watch.baseline(),
            looked_at_unix_s: now,
        });
        let is_completed = evidence::complete(&self.shared, &self.feed, &calls, (now, visible));
        if is_completed {
            self.shared.book().choose_suspects(&calls);
        }
        if is_changed || is_completed {
            self.shared.save();
        }
    }
}
