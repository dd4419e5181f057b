//! Probabilities against values from tables and from counting.

use super::{complementary_error, ln_factorial, over_represented, rank_difference};

fn is_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected.abs() * 1e-6 + 1e-12, "{found}, expected {expected}");
}

#[test]
fn knows_the_error_function() {
    is_near(complementary_error(0.0), 1.0);
    is_near(complementary_error(0.5), 0.479_500_122_186_953_5);
    is_near(complementary_error(1.0), 0.157_299_207_050_285_1);
    is_near(complementary_error(2.0), 0.004_677_734_981_047_266);
    is_near(complementary_error(3.0), 2.209_049_699_858_544e-5);
    is_near(complementary_error(5.0), 1.537_459_794_428_035e-12);
}

#[test]
fn knows_factorials() {
    is_near(ln_factorial(0), 0.0);
    is_near(ln_factorial(10), 3_628_800f64.ln());
    is_near(ln_factorial(25), 1.551_121_004_333_098_6e25_f64.ln());
}

#[test]
fn counts_exactly_how_often_marks_gather_by_chance() {
    // Fisher's tea: all four of four out of eight.
    is_near(over_represented((4, 4), (4, 8)), 1.0 / 70.0);
    is_near(over_represented((3, 4), (4, 8)), 17.0 / 70.0);
    is_near(over_represented((0, 4), (4, 8)), 1.0);
    is_near(over_represented((5, 4), (4, 8)), 1.0);
}

#[test]
fn finds_no_difference_between_the_same() {
    let values: Vec<f64> = (0..50).map(f64::from).collect();
    is_near(rank_difference(&values, &values), 1.0);
    is_near(rank_difference(&[1.0; 5], &[1.0; 9]), 1.0);
    is_near(rank_difference(&[], &values), 1.0);
}

#[test]
fn finds_a_difference_and_its_chance() {
    let one: Vec<f64> = (0..10).map(f64::from).collect();
    let other: Vec<f64> = (10..20).map(f64::from).collect();
    // U = 0, z = (50 - 0.5) / sqrt(175).
    is_near(rank_difference(&one, &other), 1.826_717_911_244_5e-4);
    is_near(rank_difference(&other, &one), rank_difference(&one, &other));
}
