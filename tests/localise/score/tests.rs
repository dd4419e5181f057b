//! Places and their shares by hand.

use super::Places;

fn ranking(scores: &[(&str, f64)]) -> Vec<(String, f64)> {
    scores.iter().map(|(service, score)| ((*service).to_owned(), *score)).collect()
}

#[test]
fn counts_ties_against_the_harmed_service() {
    let mut places = Places::default();
    places.add(&ranking(&[("a", 2.0), ("b", 1.0), ("c", 1.0)]), "a");
    places.add(&ranking(&[("a", 2.0), ("b", 1.0), ("c", 1.0)]), "b");
    places.add(&ranking(&[("a", 2.0), ("b", 0.0)]), "b");
    places.add(&ranking(&[("a", 2.0)]), "absent");
    assert_eq!(places.len(), 4);
    assert_eq!([1, 2, 3].map(|count| places.accuracy_at(count)), [25.0, 25.0, 50.0]);
    assert_eq!(places.mean_at_five(), 40.0);
}
