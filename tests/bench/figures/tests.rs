//! Medians, and differences within a round.

use super::*;

fn burst(cpu_us: f64) -> Burst {
    Burst { cpu_us, requests: 1.0, p50_us: 1.0, p99_us: 1.0 }
}

#[test]
fn a_median_is_the_middle() {
    assert!(median(vec![]).is_nan());
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
}

#[test]
fn rounds_are_compared_with_themselves() {
    let mut samples = Samples::default();
    for (plain, traced) in [(10.0, 15.0), (100.0, 106.0), (20.0, 27.0)] {
        samples.add(Variant::Plain, Path::Direct, burst(plain));
        samples.add(Variant::Native, Path::Direct, burst(traced));
    }
    assert_eq!(samples.extra_cpu_us(Variant::Native, Path::Direct), 6.0);
    assert!(samples.extra_cpu_us(Variant::Native, Path::Proxied).is_nan());
}

#[test]
fn a_range_holds_the_least_and_the_greatest() {
    let mut samples = Samples::default();
    for cpu_us in [15.0, 106.0, 7.0] {
        samples.add(Variant::Plain, Path::Direct, burst(cpu_us));
    }
    assert_eq!(samples.range(Variant::Plain, Path::Direct, |burst| burst.cpu_us), (7.0, 106.0));
}
