//! The tail against exact sums.

use super::{surprise, surprise_among};

/// The tail added up term by term; slow and exact.
fn summed(count: u32, mean: f64, dispersion: f64) -> f64 {
    let shape = 1.0 / dispersion;
    let (success, failure) = (shape / (mean + shape), mean / (mean + shape));
    let mut term = success.powf(shape);
    let mut below = 0.0;
    let mut tail = 0.0;
    for number in 0..20_000 {
        if number < count {
            below += term
        } else {
            tail += term
        }
        term *= (shape + f64::from(number)) / f64::from(number + 1) * failure;
    }
    assert!((below + tail - 1.0).abs() < 1e-6, "the sum is a distribution: {}", below + tail);
    -tail.log10()
}

#[test]
fn agrees_with_the_sum_over_all_counts() {
    let cases = [
        (3, 0.02, 0.1),
        (7, 0.36, 0.05),
        (20, 1.8, 0.67),
        (40, 12.0, 0.03),
        (300, 150.0, 0.02),
        (1200, 600.0, 0.01),
        (9, 0.5, 2.0),
    ];
    for (count, mean, dispersion) in cases {
        let (ours, exact) = (surprise(f64::from(count), mean, dispersion), summed(count, mean, dispersion));
        assert!(
            (ours - exact).abs() < 1e-4 * exact.max(1.0),
            "{count} {mean} {dispersion}: {ours} is not {exact}"
        );
    }
}

#[test]
fn nothing_surprises_near_the_mean() {
    for (count, mean, dispersion) in [(0.0, 5.0, 0.1), (5.0, 5.0, 0.1), (9.0, 5.0, 0.1), (120.0, 100.0, 0.05)]
    {
        assert_eq!(surprise(count, mean, dispersion), 0.0);
    }
}

#[test]
fn extremes_stay_finite() {
    for (count, mean, dispersion) in
        [(1e12, 1.0, 1e-9), (1e9, 1e-12, 1e9), (1e12, 1e11, 0.0), (1e12, 9e11, 1e-6), (3.0, 0.0, 0.0)]
    {
        let score = surprise(count, mean, dispersion);
        assert!((0.0..=300.0).contains(&score), "{count} {mean} {dispersion}: {score}");
    }
}

/// The tail of a beta-binomial distribution with the same mean and dispersion of the share, added up term by term.
fn among(requests: u32, count: u32, mean: f64, dispersion: f64) -> f64 {
    let share = mean / f64::from(requests);
    // Of a beta distribution the squared coefficient of variation is (1 - share) / (share * (weight + 1)).
    let weight = (1.0 - share) / (share * dispersion) - 1.0;
    let (fails, works) = (share * weight, (1.0 - share) * weight);
    let mut term: f64 =
        (0..requests).map(|step| (works + f64::from(step)) / (weight + f64::from(step))).product();
    let mut tail = 0.0;
    for number in 0..=requests {
        if number >= count {
            tail += term;
        }
        let left = f64::from(requests - number);
        term *= left / f64::from(number + 1) * (fails + f64::from(number)) / (works + left - 1.0);
    }
    -tail.log10()
}

#[test]
fn few_requests_make_many_errors_more_surprising() {
    let cases = [
        (3, 3, 0.02, 0.1),
        (6, 4, 0.1, 0.1),
        (6, 6, 0.1, 0.3),
        (20, 6, 0.2, 0.05),
        (300, 20, 3.0, 0.1),
        (5000, 40, 9.0, 0.05),
    ];
    for (requests, count, mean, dispersion) in cases {
        let ours = surprise_among(f64::from(requests), f64::from(count), mean, dispersion);
        let exact = among(requests, count, mean, dispersion);
        assert!(
            (ours - exact).abs() < 0.05 * exact,
            "{count} of {requests} with {mean}, {dispersion}: {ours} is not {exact}"
        );
        assert!(ours >= surprise(f64::from(count), mean, dispersion));
    }
}

#[test]
fn endless_requests_change_nothing() {
    let (among, unbounded) = (surprise_among(1e9, 60.0, 12.0, 0.05), surprise(60.0, 12.0, 0.05));
    assert!((among - unbounded).abs() < 1e-3, "{among} is not {unbounded}");
}
