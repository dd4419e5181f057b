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
    let burst = SteadyBurst::of(answered((1..=200).rev(), 100));
    assert_eq!(burst, SteadyBurst { requests: 2_000.0, p50_us: 100.0, p99_us: 198.0, late_p99_us: 7.0 });
}

#[test]
fn a_burst_that_missed_its_rate_is_sent_again_and_told() {
    let mut steady = Steady { rates: [2_000.0, 1_000.0], ..Steady::default() };
    let mut took_ms = [103, 102].into_iter();
    let send = |rate| {
        assert_eq!(rate, 2_000.0);
        Ok(answered(1..=200, took_ms.next().unwrap()))
    };
    steady.add(Variant::Filter, Path::Direct, send).unwrap();
    let held = steady.samples.median(Variant::Filter, Path::Direct, |burst| burst.requests);
    assert_eq!((held.round(), steady.missed(Variant::Filter, Path::Direct)), (1_961.0, 1));
    assert_eq!(steady.missed(Variant::Native, Path::Direct), 0);
}

#[test]
fn a_machine_that_never_holds_the_rate_ends_no_run() {
    let mut steady = Steady { rates: [2_000.0, 1_000.0], ..Steady::default() };
    for _ in 0..2 {
        steady.add(Variant::Native, Path::Proxied, |_| Ok(answered(1..=50, 100))).unwrap();
    }
    assert_eq!(steady.missed(Variant::Native, Path::Proxied), 2 * TRIES);
    assert_eq!(steady.samples.count(Variant::Native, Path::Proxied), 0);
}
