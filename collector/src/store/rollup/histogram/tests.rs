//! Buckets without gaps, quantiles near the truth, sums that are exact.

use super::*;

#[test]
fn every_duration_lies_in_its_bucket_and_buckets_leave_no_gap() {
    let mut before = None;
    for number in (0..10_000).chain((4..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
        let (low, high) = bounds_ns(index(number));
        assert!((low..=high).contains(&number), "{number}: {low} to {high}");
        assert!(high - low <= low / 8, "{number}: {low} to {high}");
    }
    for index in 0..=index(u64::MAX) {
        let (low, high) = bounds_ns(index);
        assert_eq!(before.map_or(0, |high: u64| high + 1), low);
        before = Some(high);
    }
    assert_eq!(before, Some(u64::MAX));
}

#[test]
fn quantiles_are_near_the_truth() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.quantile_ns(0.5), None);
    (1..=100_000u64).for_each(|number| histogram.observe(number * 1_000));
    assert_eq!((histogram.count(), histogram.sum_ns()), (100_000, 5_000_050_000_000));
    for (share, truth) in [(0.0, 1_000.0), (0.5, 5e7), (0.99, 9.9e7), (1.0, 1e8)] {
        let found = histogram.quantile_ns(share).unwrap() as f64;
        assert!((found - truth).abs() <= truth * 0.0625, "{share}: {found} instead of {truth}");
    }
}

#[test]
fn histograms_add_up_in_any_order() {
    let of = |numbers: &[u64]| {
        let mut histogram = Histogram::default();
        numbers.iter().for_each(|number| histogram.observe(*number));
        histogram
    };
    let (mut one, other) = (of(&[5, 1_000, 70]), of(&[5, 9, 1 << 40]));
    one.add(&other);
    assert_eq!(one, of(&[1 << 40, 9, 5, 5, 70, 1_000]));
    assert_eq!(Histogram::from_raw(one.raw().iter().copied(), one.sum_ns()), one);
}

#[test]
fn counts_below_powers_of_two_are_exact() {
    let mut histogram = Histogram::default();
    [1, 7, 8, 1_023, 1_024, 1_025, u64::MAX].into_iter().for_each(|duration| histogram.observe(duration));
    for (bound_ns, expected) in [(8, 2), (16, 3), (1_024, 4), (2_048, 6), (1 << 63, 6)] {
        assert_eq!(histogram.count_below(bound_ns), expected, "{bound_ns}");
    }
}
