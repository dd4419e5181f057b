//! How long a value is remembered, and which destinations get values from elsewhere.

use super::*;

#[test]
fn a_request_with_a_token_is_remembered_for_a_minute() {
    for (halvings, expected) in [(1, Standing::Recurring), (2, Standing::Evidence)] {
        let mut recurrence = Recurrence::default();
        (0..40).for_each(|number| _ = standing(&mut recurrence, 5000 + number));
        assert_eq!(standing(&mut recurrence, 7), Standing::Evidence);
        (1..=halvings).for_each(|number| recurrence.saw_request(NOW + number * 60 * SECOND_NS));
        assert_eq!(recurrence.saw_token(7), expected, "after {halvings} minutes");
    }
}

#[test]
fn a_destination_whose_calls_carry_values_from_elsewhere_is_linked_by_no_value() {
    let mut habits = Habits::default();
    assert!(habits.allow_token(1, NOW));
    habits.saw_foreign_values(1, NOW);
    assert!(habits.allow_token(1, NOW), "one may be its own credential");
    let mut others = habits.clone();
    others.merge(&habits);
    assert!(others.allow_token(1, NOW), "which each worker sees once");
    habits.saw_foreign_values(1, NOW);
    assert!(!habits.allow_token(1, NOW) && habits.allow_token(2, NOW));
    others.merge(&habits);
    assert!(!others.allow_token(1, NOW));
    assert_eq!(Habits::decode(&others.encode()), Some(others));
    assert!(habits.allow_token(1, NOW + 3_600 * SECOND_NS), "after an hour without any");
    habits.saw_foreign_values(1, NOW + 3_600 * SECOND_NS);
    assert!(habits.allow_token(1, NOW + 3_600 * SECOND_NS));
}
