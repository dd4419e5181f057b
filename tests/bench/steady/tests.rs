//! The rate, and what becomes of latencies.

use super::*;

fn answered(latencies_us: impl Iterator<Item = u64>, took_ms: u64) -> Answered {
    let latencies: Vec<_> = latencies_us.map(Duration::from_micros).collect();
    let late = vec![Duration::from_micros(7); latencies.len()];
    Answered { latencies, late, took: Duration::from_millis(took_ms) }
}

#[test]
fn the_rate_is_half_of_what_the_slowest_served() {
    let mut served = Samples::default();
    for (variant, requests) in COMPARED.into_iter().zip([20_000.0, 12_345.0, 9_999.0, 13_000.0, 14_000.0]) {
        served.add(variant, Path::Direct, Burst { cpu_us: 1.0, requests, p50_us: 1.0, p99_us: 1.0 });
    }
    assert_eq!(rate(&served, Path::Direct), 4_900.0);
    served.add(
        Variant::FilterGateway,
        Path::Direct,
        Burst { cpu_us: 1.0, requests: 2.0, p50_us: 1.0, p99_us: 1.0 },
    );
    assert_eq!(rate(&served, Path::Direct), 4_900.0, "whoever is not compared does not count");
}

#[test]
fn percentiles_are_those_of_all_requests_in_any_order() {
    let burst = summarize(answered((1..=200).rev(), 100), 2_000.0).unwrap();
    assert_eq!(burst, SteadyBurst { requests: 2_000.0, p50_us: 100.0, p99_us: 198.0, late_p99_us: 7.0 });
}

#[test]
fn a_rate_that_was_not_reached_is_an_error() {
    assert!(summarize(answered(1..=200, 102), 2_000.0).is_ok());
    let error = summarize(answered(1..=200, 103), 2_000.0).unwrap_err().to_string();
    assert!(error.starts_with("1942 requests a second were answered in place of 2000"), "{error}");
}
