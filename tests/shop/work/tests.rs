//! Chance is spread evenly and repeats itself.

use super::Luck;

#[test]
fn chance_is_even_and_repeats() {
    let below = (0..10_000).filter(|number| Luck(*number).share("fail") < 0.1).count();
    assert!((900..1_100).contains(&below), "{below} of 10000 below 0.1");
    assert_eq!(Luck(7).share("slow"), Luck(7).share("slow"));
    assert_ne!(Luck(7).share("slow"), Luck(7).share("fail"));
}
