//! Likelihoods are those of the distribution, and a fault that nobody can miss is found at once and without false alarms.

use super::*;
use crate::simulator::Shape;

#[test]
fn the_gamma_function_is_the_factorial() {
    let mut factorial = 1.0_f64;
    for number in 1..20 {
        factorial *= f64::from(number);
        let told = ln_gamma(f64::from(number) + 1.0);
        assert!((told - factorial.ln()).abs() < 1e-9, "{number}! is {}, not {}", factorial.ln(), told);
    }
    assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-9);
}

#[test]
fn of_one_request_the_likelihood_is_the_share() {
    for share in [0.001, 0.1, 0.5] {
        assert!((likelihood(1.0, 1.0, share) - f64::ln(share)).abs() < 1e-6);
        assert!((likelihood(1.0, 0.0, share) - f64::ln(1.0 - share)).abs() < 1e-6);
    }
}

#[test]
fn an_outage_is_found_in_its_first_minute() {
    let fault = Fault {
        shape: Shape::Outage,
        start: 500,
        end: 520,
        extra: 0.5,
        times_base: 50.0,
        is_detectable: true,
    };
    let errors = |minute: usize| match minute {
        500..520 => 300.0,
        _ if minute.is_multiple_of(2) => 7.0,
        _ => 5.0,
    };
    let counts = (0..2000).map(|minute| (600.0, errors(minute))).collect();
    let series =
        Series { name: "one".to_owned(), counts, usual_shares: vec![0.01; 2000], faults: vec![fault] };
    let score = score(&[series]);
    assert_eq!((score.detectable, score.detected, score.false_alarms), (1, 1, 0));
    assert_eq!(score.delays_of_large_steps, [0]);
}
