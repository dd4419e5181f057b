//! Who is told from whom.

use super::*;

#[test]
fn a_restart_is_a_namesake_and_another_name_is_another() {
    let (first, again) = (Owner::new("a".to_owned()), Owner::new("a".to_owned()));
    assert_eq!(first.standing(&first.text()), Standing::Ours);
    assert_eq!(first.standing(&again.text()), Standing::Namesake);
    for other in [Owner::new("b".to_owned()).text(), String::new(), "\n".to_owned()] {
        assert_eq!(first.standing(&other), Standing::Other, "{other:?}");
    }
}
