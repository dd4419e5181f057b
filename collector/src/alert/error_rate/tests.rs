//! The detector on series whose course is known.

use proptest::prelude::*;

use super::{Change, Counts, Detector, Episode, Minute, Settings};

const DAY: i64 = 1440;
/// A Thursday at midnight.
const BEGIN: i64 = 20_000 * DAY;

/// Deterministic noise: errors of `expected` that add up exactly and come in no pattern of minutes.
fn spread(minute: i64, expected: f64) -> f64 {
    let jitter = 1.0 + 0.5 * ((minute as f64 * 0.618_034).fract() - 0.5);
    (expected * jitter + (minute as f64 * 0.381_966).fract()).floor()
}

struct Replay {
    detector: Detector,
    settings: Settings,
    began: Vec<Episode>,
    ended: Vec<Episode>,
}

impl Replay {
    fn new() -> Self {
        Self {
            detector: Detector::default(),
            settings: Settings::default(),
            began: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Feeds minutes, counted from the beginning; the closure gives requests and the share that fails.
    fn feed(&mut self, minutes: std::ops::Range<i64>, series: impl Fn(i64) -> (f64, f64)) -> &mut Self {
        for minute in minutes {
            let (requests, share) = series(minute);
            let errors = spread(minute, requests * share).min(requests);
            match self.detector.observe(Minute(BEGIN + minute), Counts { requests, errors }, &self.settings) {
                Some(Change::Began(episode)) => self.began.push(episode),
                Some(Change::Ended(episode)) => self.ended.push(episode),
                None => {}
            }
        }
        self
    }
}

/// Minutes from the beginning.
fn at(minute: Minute) -> i64 {
    minute.0 - BEGIN
}

#[test]
fn a_step_is_one_episode_from_its_first_minute_to_its_last() {
    let mut replay = Replay::new();
    let fault = 3 * DAY + 600..3 * DAY + 640;
    replay.feed(0..4 * DAY, |minute| (600.0, if fault.contains(&minute) { 0.10 } else { 0.01 }));
    assert_eq!(replay.began.len(), 1);
    assert_eq!(replay.ended.len(), 1);
    let episode = replay.ended[0];
    assert_eq!(at(episode.start), fault.start);
    assert!((fault.end - 2..=fault.end).contains(&at(episode.last)), "ended at {}", at(episode.last));
    assert!(episode.worst.score > 6.0 && episode.worst.errors > 5.0 * episode.worst.expected);
}

#[test]
fn a_calm_series_raises_nothing() {
    for (requests, share) in [(6.0, 0.0), (6.0, 0.02), (60.0, 0.001), (6000.0, 0.005), (60_000.0, 0.02)] {
        let mut replay = Replay::new();
        replay.feed(0..10 * DAY, |_| (requests, share));
        assert_eq!(replay.began, [], "{requests} requests, {share} of them fail");
    }
}

#[test]
fn a_daily_wave_is_learned() {
    let wave = |minute: i64| 0.01 * (1.0 + 0.7 * (std::f64::consts::TAU * minute as f64 / DAY as f64).sin());
    let mut replay = Replay::new();
    replay.feed(0..8 * DAY, |minute| (6000.0, wave(minute)));
    assert_eq!(replay.began, []);
    let (peak, trough) = (Minute(BEGIN + 8 * DAY + 360), Minute(BEGIN + 8 * DAY + 1080));
    let (high, low) = (replay.detector.expected_rate(peak), replay.detector.expected_rate(trough));
    assert!((0.013..0.021).contains(&high) && (0.002..0.006).contains(&low), "{high} and {low}");
}

#[test]
fn a_fault_teaches_the_baseline_nothing() {
    let mut replay = Replay::new();
    replay.feed(0..3 * DAY, |_| (600.0, 0.01));
    let before = replay.detector.expected_rate(Minute(BEGIN + 4 * DAY + 300));
    replay.feed(3 * DAY..4 * DAY, |minute| {
        (600.0, if (3 * DAY + 240..3 * DAY + 420).contains(&minute) { 0.5 } else { 0.01 })
    });
    let after = replay.detector.expected_rate(Minute(BEGIN + 4 * DAY + 300));
    assert_eq!(replay.began.len(), 1);
    assert!((after / before - 1.0).abs() < 0.1, "{before} became {after}");
}

#[test]
fn a_new_nightly_batch_alarms_three_times_and_is_then_normal() {
    let batch = |minute: i64| minute >= 3 * DAY && (120..130).contains(&(minute % DAY));
    let mut replay = Replay::new();
    replay.feed(0..14 * DAY, |minute| (6000.0, if batch(minute) { 0.04 } else { 0.01 }));
    let days: Vec<i64> = replay.began.iter().map(|episode| at(episode.start) / DAY).collect();
    assert!(days.starts_with(&[3, 4, 5]) && days.len() <= 5, "alarmed on days {days:?}");
}

#[test]
fn until_a_day_is_learned_only_the_plain_rule_holds() {
    let mut replay = Replay::new();
    replay.feed(0..DAY, |minute| (600.0, if (600..640).contains(&minute) { 0.05 } else { 0.005 }));
    assert_eq!(replay.began, [], "five percent are below the plain rule");
    replay.feed(DAY..DAY + 1, |_| (600.0, 0.005));
    let mut replay = Replay::new();
    replay.feed(0..DAY, |minute| (600.0, if (600..640).contains(&minute) { 0.3 } else { 0.005 }));
    assert_eq!(replay.began.len(), 1);
}

#[test]
fn an_outage_of_the_first_day_does_not_blind_the_second() {
    let mut replay = Replay::new();
    let share = |minute: i64| {
        if (500..620).contains(&minute) || (2 * DAY + 100..2 * DAY + 130).contains(&minute) {
            0.2
        } else {
            0.005
        }
    };
    replay.feed(0..3 * DAY, |minute| (600.0, share(minute)));
    assert!(replay.began.iter().any(|episode| at(episode.start) == 2 * DAY + 100), "{:?}", replay.began);
}

#[test]
fn a_fault_that_comes_and_goes_is_one_episode() {
    let mut replay = Replay::new();
    let fault = 2 * DAY..2 * DAY + 60;
    replay.feed(0..3 * DAY, |minute| {
        (6000.0, if fault.contains(&minute) && minute % 4 < 2 { 0.06 } else { 0.01 })
    });
    assert_eq!(replay.ended.len(), 1);
}

#[test]
fn a_minute_may_be_stated_as_it_fills() {
    let mut replay = Replay::new();
    replay.feed(0..2 * DAY, |_| (600.0, 0.01));
    let minute = Minute(BEGIN + 2 * DAY);
    let states = [(100.0, 1.0), (200.0, 40.0), (600.0, 130.0)].map(|(requests, errors)| {
        replay.detector.observe(minute, Counts { requests, errors }, &replay.settings)
    });
    assert_eq!(states[0], None);
    assert!(matches!(states[1], Some(Change::Began(_))));
    assert_eq!(states[2], None);
}

#[test]
fn a_service_that_falls_silent_ends_its_episode() {
    let mut replay = Replay::new();
    replay.feed(0..2 * DAY + 10, |minute| (600.0, if minute >= 2 * DAY { 0.3 } else { 0.01 }));
    assert_eq!(replay.began.len(), 1);
    let settings = replay.settings;
    let much_later = Minute(BEGIN + 9 * DAY);
    let change = replay.detector.observe(much_later, Counts { requests: 600.0, errors: 6.0 }, &settings);
    assert!(matches!(change, Some(Change::Ended(episode)) if at(episode.last) == 2 * DAY + 9), "{change:?}");
}

proptest! {
    #[test]
    fn no_numbers_panic_or_poison(
        observations in proptest::collection::vec((-5_i64..500, 0.0_f64..1e12, 0.0_f64..1.0), 0..300)
    ) {
        let mut detector = Detector::default();
        let mut minute = BEGIN;
        for (step, requests, share) in observations {
            minute += step;
            let counts = Counts { requests, errors: requests * share };
            detector.observe(Minute(minute), counts, &Settings { learning_minutes: 0, ..Settings::default() });
            let rate = detector.expected_rate(Minute(minute));
            prop_assert!((0.0..=1.0).contains(&rate));
        }
    }
}

#[test]
fn few_errors_in_a_row_alarm_with_the_minute_that_makes_them_too_many() {
    // Five within seven minutes where two a day are usual: the window that begins with the first of them is the least probable one.
    let fault = 8 * DAY;
    let mut detector = Detector::default();
    let begins = (0..fault + 60).find_map(|minute| {
        let errors =
            if minute % 720 == 400 || minute >= fault && (minute - fault) % 7 < 4 { 1.0 } else { 0.0 };
        let counts = Counts { requests: 6.0, errors };
        match detector.observe(Minute(BEGIN + minute), counts, &Settings::default()) {
            Some(Change::Began(episode)) => Some(episode),
            _ => None,
        }
    });
    let episode = begins.unwrap();
    assert_eq!(at(episode.onset), fault, "{episode:?}");
    assert!(at(episode.start) <= fault + 8, "{episode:?}");
}

#[test]
fn retries_that_fail_together_are_no_alarm_where_they_always_did() {
    // One call in 400 fails, and three times, as its retries do.
    let mut detector = Detector::default();
    for minute in 0..28 * DAY {
        let fails = (minute as f64 * 0.618_034).fract() < 0.015;
        let counts = Counts { requests: 6.0, errors: if fails { 3.0 } else { 0.0 } };
        let change = detector.observe(Minute(BEGIN + minute), counts, &Settings::default());
        assert!(change.is_none() || minute < 3 * DAY, "{change:?}");
    }
    let harmed = Counts { requests: 6.0, errors: 4.0 };
    let found = (0..10).any(|minute| {
        let change = detector.observe(Minute(BEGIN + 28 * DAY + minute), harmed, &Settings::default());
        matches!(change, Some(Change::Began(_)))
    });
    assert!(found, "most of all requests fail");
}

#[test]
fn a_weekend_with_more_errors_is_learned_from_few() {
    // Seven errors in an hour of a working day, and twice that at weekends: an hour of the week alone would tell little.
    let is_weekend = |minute: i64| (minute / DAY + 3) % 7 >= 5;
    let mut replay = Replay::new();
    replay.feed(0..28 * DAY, |minute| (60.0, if is_weekend(minute) { 0.004 } else { 0.002 }));
    let (saturday, monday) = (Minute(BEGIN + 30 * DAY + 600), Minute(BEGIN + 32 * DAY + 600));
    let ratio = replay.detector.expected_rate(saturday) / replay.detector.expected_rate(monday);
    assert!((1.6..2.4).contains(&ratio), "{ratio}");
}

#[test]
fn an_episode_of_a_series_that_never_fails_ends() {
    let settings = Settings { quiet_minutes: 1, ..Settings::default() };
    let mut detector = Detector::default();
    let mut observe = |minute: i64, errors: f64| {
        detector.observe(Minute(minute), Counts { requests: 600.0, errors }, &settings);
        detector.episode().is_some()
    };
    (0..1600).for_each(|minute| assert!(!observe(minute, 0.0)));
    assert!(observe(1600, 120.0));
    // An error now and then is none of a fault that had hundreds.
    let stray = |minute: i64| if minute % 3 == 0 { 1.0 } else { 0.0 };
    assert!((1601..1605).any(|minute| !observe(minute, stray(minute))), "four quiet minutes are not enough");
    assert!((1605..1700).all(|minute| !observe(minute, stray(minute))), "and it does not begin again");
}
