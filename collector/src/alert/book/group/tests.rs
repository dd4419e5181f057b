//! What receivers are told when something gets louder, and what they are not told twice.

mod newcomers;
mod older_books;

use super::*;
use crate::alert::book::{Signal, Silence};
use crate::alert::error_rate::Severity;
use crate::alert::evidence::{Evidence, PathPart, Suspected};
use crate::alert::subject::Subject;

const NOW: u64 = 1_800_000_000;

fn signal(rule: &str, severity: Severity) -> Signal {
    Signal {
        rule: rule.to_owned(),
        kind: "burn_rate",
        subject: Subject::Service(Arc::from("pay")),
        severity,
        since_unix_s: NOW,
        for_s: 0,
        keep_firing_for_s: 0,
        summary: format!("{rule} is {}", severity.as_str()),
        evidence: Evidence::default(),
    }
}

fn warning(rule: &str) -> Signal {
    signal(rule, Severity::Warning)
}

fn critical(rule: &str) -> Signal {
    signal(rule, Severity::Critical)
}

/// A book with one receiver, to whom time passes.
#[derive(Default)]
struct Told {
    book: Book,
    now: u64,
}

impl Told {
    /// What the receiver hears while these signals hold for so long: status, severity, and how many alerts.
    fn hears(&mut self, signals: &[Signal], seconds: u64) -> Vec<(Status, String, usize)> {
        let mut heard = Vec::new();
        for now in (self.now..self.now + seconds).step_by(2) {
            self.book.update(NOW + now, signals, &Calls::new());
            look_into(&mut self.book, "pay");
            while let Some(message) = self.book.next_message("hook", Telling::Groups, NOW + now) {
                if !self.book.is_known("hook", &message, NOW + now) {
                    heard.push((message.status, message.severity.clone(), message.alerts.len()));
                }
                self.book.told("hook", &message, NOW + now);
            }
        }
        self.now += seconds;
        heard
    }

    /// Keeps a rule quiet until so many seconds after the begin.
    fn silence(&mut self, rule: &str, until: u64) {
        let silence = Silence {
            rule: Some(rule.to_owned()),
            until_unix_s: NOW + until,
            comment: "known".to_owned(),
            ..Silence::default()
        };
        self.book.silence(NOW + self.now, silence).unwrap();
    }

    fn restart(&mut self) {
        self.book = serde_json::from_slice(&serde_json::to_vec(&self.book).unwrap()).unwrap();
    }
}

/// What traces tell of every alert that was not looked into yet.
fn look_into(book: &mut Book, suspect: &str) {
    let is_bare = |alert: &&&Alert| alert.evidence.critical_path.is_empty();
    let bare: Vec<String> = book.alerts().iter().filter(is_bare).map(|alert| alert.id.clone()).collect();
    for id in bare {
        book.complete(&id, |evidence| {
            evidence.critical_path.push(PathPart::default());
            evidence.suspects = vec![Suspected { service: suspect.to_owned(), ..Suspected::default() }];
        });
    }
}

fn firing(severity: &str, alerts: usize) -> (Status, String, usize) {
    (Status::Firing, severity.to_owned(), alerts)
}

#[test]
fn a_rise_is_told_once_with_all_that_fires() {
    let mut told = Told::default();
    let rules = ["burn", "errors", "slow"];
    assert_eq!(told.hears(&rules.map(warning), 60), [firing("warning", 3)]);
    // They get louder one after the other.
    let first = [critical("burn"), warning("errors"), warning("slow")];
    assert_eq!(told.hears(&first, 2), [firing("critical", 3)], "of three, one has got louder");
    assert_eq!(told.hears(&rules.map(critical), 600), [], "the others follow, and that is known");
    assert_eq!(told.hears(&[], 60), [(Status::Resolved, "critical".to_owned(), 3)]);
}

#[test]
fn a_critical_alert_that_joins_quieter_ones_is_told_with_them() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    let both = [warning("burn"), critical("errors")];
    assert_eq!(told.hears(&both, 60), [firing("critical", 2)]);
    let louder = [critical("burn"), critical("errors")];
    assert_eq!(told.hears(&louder, 60), [], "no louder than what was told");
}

#[test]
fn a_critical_alert_that_joins_ones_that_rose_at_once_with_it_is_no_second_message() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    let outage = [critical("burn"), critical("errors"), critical("slow")];
    assert_eq!(
        told.hears(&outage, 60),
        [firing("critical", 1)],
        "the rise does not wait for those that are new"
    );
}

#[test]
fn severity_that_comes_and_goes_within_a_group_is_told_once() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    let mut heard = Vec::new();
    for _ in 0..10 {
        heard.extend(told.hears(&[warning("burn"), critical("errors")], 60));
        heard.extend(told.hears(&[warning("burn")], 60));
    }
    assert_eq!(heard, [firing("critical", 2)]);
    assert_eq!(told.hears(&[], 60).len(), 1, "the end");
    let again = told.hears(&[critical("errors")], 60);
    assert_eq!(again, [firing("critical", 1)], "what comes after the end is new");
}

#[test]
fn a_second_outage_beside_a_warning_that_stays_is_told_an_hour_after_the_first() {
    let mut told = Told::default();
    told.hears(&[warning("burn")], 60);
    assert_eq!(told.hears(&[warning("burn"), critical("errors")], 60), [firing("critical", 2)]);
    assert_eq!(told.hears(&[warning("burn")], 1_800), []);
    assert_eq!(
        told.hears(&[warning("burn"), critical("sizes")], 60),
        [],
        "half an hour later it may be the same"
    );
    assert_eq!(told.hears(&[warning("burn")], 4_000), []);
    assert_eq!(told.hears(&[warning("burn"), critical("errors")], 60), [firing("critical", 2)]);
}

#[test]
fn what_was_told_and_how_loudly_survives_a_restart() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    told.restart();
    assert_eq!(told.hears(&[warning("burn")], 60), []);
    // It rises, and the process ends before it could tell.
    told.book.update(NOW + told.now, &[critical("burn")], &Calls::new());
    told.restart();
    assert_eq!(told.hears(&[critical("burn")], 60), [firing("critical", 1)]);
    told.restart();
    assert_eq!(told.hears(&[critical("burn")], 60), []);
}

#[test]
fn a_rise_under_a_silence_is_told_when_the_silence_ends() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    told.silence("burn", 180);
    assert_eq!(told.hears(&[critical("burn")], 120), []);
    assert_eq!(told.hears(&[critical("burn")], 60), [firing("critical", 1)]);
}

#[test]
fn what_began_and_ended_under_a_silence_is_told_to_nobody() {
    let mut told = Told::default();
    told.silence("burn", 180);
    assert_eq!(told.hears(&[warning("burn")], 60), []);
    assert_eq!(told.hears(&[], 60), []);
    told.restart();
    assert_eq!(told.hears(&[], 600), [], "it was over before its silence ended");
    assert_eq!(told.book.alerts()[0].state, State::Resolved, "and it is kept");
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)], "the next one is told");
}

#[test]
fn what_ends_in_the_round_in_which_its_silence_does_is_told_to_nobody() {
    let mut told = Told::default();
    told.silence("burn", 60);
    assert_eq!(told.hears(&[warning("burn")], 60), []);
    assert_eq!(told.hears(&[], 600), [], "nobody saw it fire without the silence");
}

#[test]
fn what_was_told_before_a_silence_is_told_to_be_over_when_the_silence_ends() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    told.silence("burn", 180);
    assert_eq!(told.hears(&[critical("burn")], 60), []);
    assert_eq!(told.hears(&[], 60), []);
    let resolved = (Status::Resolved, "critical".to_owned(), 1);
    assert_eq!(told.hears(&[], 600), [resolved], "without the rise, which was over before the silence ended");
}

#[test]
fn a_silenced_alert_is_not_named_when_others_get_louder() {
    let mut told = Told::default();
    assert_eq!(told.hears(&["burn", "slow"].map(warning), 60), [firing("warning", 2)]);
    told.silence("slow", 1_000);
    assert_eq!(told.hears(&[critical("burn"), warning("slow")], 60), [firing("critical", 1)]);
}

#[test]
fn a_rise_that_is_over_before_it_could_be_told_is_told_in_both_steps() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    // The receiver cannot be reached meanwhile.
    told.book.update(NOW + told.now, &[critical("burn")], &Calls::new());
    told.book.update(NOW + told.now + 30, &[], &Calls::new());
    told.now += 60;
    let resolved = (Status::Resolved, "critical".to_owned(), 1);
    assert_eq!(told.hears(&[], 60), [firing("critical", 1), resolved]);
}

#[test]
fn alertmanager_hears_of_a_rise_at_once() {
    let mut book = Book::default();
    let mut tell = |signals: &[Signal], now: u64| {
        book.update(NOW + now, signals, &Calls::new());
        look_into(&mut book, "pay");
        let message = book.next_message("am", Telling::SingleAlerts, NOW + now);
        message.inspect(|message| book.told("am", message, NOW + now))
    };
    let rules = ["burn", "errors"];
    assert_eq!(tell(&rules.map(warning), 0), None);
    assert_eq!(tell(&rules.map(warning), 10).unwrap().alerts.len(), 2);
    assert_eq!(tell(&rules.map(warning), 20), None);
    let risen = tell(&[critical("burn"), warning("errors")], 22).unwrap();
    let severities: Vec<&str> = risen.alerts.iter().map(|alert| alert.severity.as_str()).collect();
    assert_eq!(severities, ["critical"], "it has heard of the other one lately");
    assert_eq!(tell(&[critical("burn"), warning("errors")], 24), None);
}

#[test]
fn a_rise_is_told_with_what_traces_tell_of_the_rise() {
    let shown_by = |mut signal: Signal, trace: &str| {
        signal.evidence.exemplars = vec![trace.to_owned()];
        signal
    };
    let begin = shown_by(warning("burn"), "of the begin");
    let mut told = Told::default();
    assert_eq!(told.hears(&[begin], 60), [firing("warning", 1)]);
    told.book.update(NOW + 60, &[shown_by(critical("burn"), "of the rise")], &Calls::new());
    let evidence = told.book.alerts()[0].evidence.clone();
    assert_eq!(evidence.exemplars, ["of the rise"]);
    assert_eq!((evidence.suspects.len(), evidence.critical_path.len()), (0, 0), "they were of the begin");
    let message = |told: &Told, now: u64| told.book.next_message("hook", Telling::Groups, NOW + now);
    assert_eq!(message(&told, 61), None, "its traces are about to be read");
    let mut late = Told { book: told.book.clone(), now: told.now };
    look_into(&mut told.book, "search");
    let rise = message(&told, 61).unwrap();
    assert_eq!((rise.severity.as_str(), rise.suspect.as_str()), ("critical", "pay"));
    assert_eq!(rise.alerts[0].evidence.suspects[0].service, "search");
    late.book.update(NOW + 68, &[critical("burn")], &Calls::new());
    assert!(message(&late, 68).is_some(), "where no trace tells, it is told without");
}

#[test]
fn what_rises_before_it_is_told_is_told_with_what_traces_tell_of_the_rise() {
    let mut book = Book::default();
    book.update(NOW, &[warning("burn")], &Calls::new());
    look_into(&mut book, "pay");
    book.update(NOW + 7, &[critical("burn")], &Calls::new());
    let message = |book: &Book| book.next_message("hook", Telling::Groups, NOW + 8);
    assert_eq!(message(&book), None, "its traces are about to be read");
    look_into(&mut book, "search");
    assert_eq!(message(&book).unwrap().alerts[0].evidence.suspects[0].service, "search");
}

#[test]
fn what_rises_before_it_fires_keeps_what_its_traces_tell() {
    let pending = Signal { for_s: 30, ..warning("burn") };
    let mut book = Book::default();
    book.update(NOW, &[pending], &Calls::new());
    look_into(&mut book, "pay");
    book.update(NOW + 10, &[Signal { for_s: 30, ..critical("burn") }], &Calls::new());
    assert_eq!(book.alerts()[0].evidence.suspects.len(), 1);
}
