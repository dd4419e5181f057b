//! What is learned of errors that come alone, and of those that come together.

use super::Dispersion;

/// Two weeks in which every hundredth minute has so many errors, where the mean is expected of each.
fn learned(together: f32) -> Dispersion {
    let mut dispersion = Dispersion::default();
    for minute in 0..2 * 10_080 {
        let errors = if minute % 100 == 0 { together } else { 0.0 };
        dispersion.learn(errors, together / 100.0, f64::from(together) / 600.0);
    }
    dispersion
}

#[test]
fn lonely_errors_have_no_company() {
    assert_eq!(learned(1.0).company.per_error(), 0.0);
    let mut dispersion = learned(1.0);
    dispersion.learn(2.0, 0.01, 0.001);
    assert_eq!(dispersion.company.per_error(), 0.0, "one pair is chance");
}

#[test]
fn errors_that_come_in_threes_have_two_companions() {
    let dispersion = learned(3.0);
    let company = dispersion.company.per_error();
    assert!((1.5..2.0).contains(&company), "{company}");
    let (lonely, together) = (learned(1.0).of(1, 0.03, 6.0), dispersion.of(1, 0.03, 6.0));
    assert!(
        together > 50.0 && lonely < 1.0,
        "the variance of the count is {together} and {lonely} times its mean squared"
    );
}

#[test]
fn many_errors_tell_of_a_share_that_varies() {
    let mut dispersion = Dispersion::default();
    (0..5000).for_each(|minute| dispersion.learn(if minute % 2 == 0 { 6.0 } else { 0.0 }, 3.0, 0.01));
    assert_eq!(dispersion.company.per_error(), 0.0);
    assert!(dispersion.of(1, 3.0, 300.0) > 0.3);
}

#[test]
fn company_is_forgotten_once_errors_are_many() {
    let mut dispersion = learned(3.0);
    (0..16 * 10_080).for_each(|_| dispersion.learn(3.0, 3.0, 0.01));
    assert!(dispersion.company.per_error() < 0.01, "{}", dispersion.company.per_error());
}
