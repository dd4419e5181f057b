//! Counting on a series that can be checked by eye.

use super::{Episode, Score, join, quantile};
use crate::simulator::{FIRST_SCORED, Fault, Series, Shape};

#[test]
fn alarms_near_one_another_are_one_episode() {
    let joined = join(vec![10, 11, 26, 60]);
    let ends: Vec<(usize, usize)> = joined.iter().map(|episode| (episode.start, episode.end)).collect();
    assert_eq!(ends, [(10, 27), (60, 61)]);
}

#[test]
fn quantiles_are_values_that_occurred() {
    assert_eq!(quantile(&[1, 2, 3, 4], 0.5), Some(2));
    assert_eq!(quantile(&[1, 2, 3, 4], 0.9), Some(4));
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn found_missed_and_false_are_told_apart() {
    let fault = |start: usize, shape| Fault {
        shape,
        start: FIRST_SCORED + start,
        end: FIRST_SCORED + start + 30,
        extra: 0.1,
        times_base: 10.0,
        is_detectable: true,
    };
    let series = Series {
        name: "s".to_owned(),
        counts: Vec::new(),
        usual_shares: Vec::new(),
        faults: vec![fault(100, Shape::Step), fault(1000, Shape::Ramp)],
    };
    let at = |start: usize| Episode { start: FIRST_SCORED + start, end: FIRST_SCORED + start + 5 };
    let score = Score::of(&[series], std::iter::once(vec![Episode { start: 5, end: 9 }, at(102), at(500)]));
    assert_eq!((score.detectable, score.detected, score.false_alarms, score.right_alarms), (2, 1, 1, 1));
    assert_eq!((score.delays.as_slice(), score.delays_of_large_steps.as_slice()), (&[2][..], &[2][..]));
}
