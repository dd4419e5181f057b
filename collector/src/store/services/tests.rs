//! The list is bounded, and what it leaves out is never denied.

use super::*;

#[test]
fn lists_as_many_as_it_takes_and_denies_none_of_the_others() {
    let mut services = ServiceNames::default();
    services.insert("cart");
    assert!(services.may_contain("cart") && !services.may_contain("payment"));
    services.insert(&"x".repeat(MAX_NAME_BYTES + 1));
    assert!(services.has_more() && services.may_contain("payment"));
    for number in 0..2 * MAX_NAMES {
        services.insert(&number.to_string());
    }
    assert_eq!(services.names().len(), MAX_NAMES);
    assert!(services.names().contains("cart"));
}
