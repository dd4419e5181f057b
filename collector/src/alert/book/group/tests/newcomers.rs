//! What receivers hear that were not there from the begin.

use super::*;

/// What a receiver of this name hears now, as (status, rule).
fn hears_now(told: &mut Told, receiver: &str) -> Vec<(Status, String)> {
    let (mut heard, now) = (Vec::new(), NOW + told.now);
    while let Some(message) = told.book.next_message(receiver, Telling::Groups, now) {
        heard.extend(message.alerts.iter().map(|alert| (message.status, alert.rule.clone())));
        told.book.told(receiver, &message, now);
    }
    heard
}

#[test]
fn a_new_receiver_hears_only_of_what_fires_now() {
    let mut told = Told::default();
    told.book.set_receivers(NOW, &["hook"]);
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    assert_eq!(told.hears(&[], 60).len(), 1);
    told.hears(&[warning("errors")], 60);
    told.book.set_receivers(NOW + told.now, &["hook", "pager"]);
    told.restart();
    told.book.set_receivers(NOW + told.now, &["hook", "pager"]);
    assert_eq!(hears_now(&mut told, "pager"), [(Status::Firing, "errors".to_owned())]);
    assert_eq!(told.hears(&[], 60).len(), 1);
    assert_eq!(hears_now(&mut told, "pager"), [(Status::Resolved, "errors".to_owned())]);
}

#[test]
fn a_receiver_that_was_there_is_told_of_what_it_missed() {
    let mut told = Told::default();
    told.book.set_receivers(NOW, &["hook", "pager"]);
    told.hears(&[warning("burn")], 60);
    told.hears(&[], 60);
    // It could never be reached until now, and the process ended meanwhile.
    told.restart();
    told.book.set_receivers(NOW + told.now, &["pager", "hook"]);
    let both = [Status::Firing, Status::Resolved].map(|status| (status, "burn".to_owned()));
    assert_eq!(hears_now(&mut told, "pager"), both);
}

#[test]
fn a_receiver_that_comes_back_is_told_the_end_of_what_it_knows_and_not_what_went_by() {
    let mut told = Told::default();
    told.book.set_receivers(NOW, &["hook"]);
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    told.book.set_receivers(NOW + told.now, &[]);
    told.now += 60;
    told.book.update(NOW + told.now, &[critical("burn"), warning("errors")], &Calls::new());
    told.now += 60;
    told.book.update(NOW + told.now, &[], &Calls::new());
    told.now += 60;
    told.book.set_receivers(NOW + told.now, &["hook"]);
    assert_eq!(hears_now(&mut told, "hook"), [(Status::Resolved, "burn".to_owned())]);
}

#[test]
fn a_book_from_before_receivers_were_kept_knows_those_that_it_told() {
    let mut told = Told::default();
    assert_eq!(told.hears(&[warning("burn")], 60), [firing("warning", 1)]);
    // What `hook` could not be told is over already.
    told.book.update(NOW + told.now, &[warning("burn"), warning("errors")], &Calls::new());
    told.now += 60;
    told.book.update(NOW + told.now, &[], &Calls::new());
    let mut stored = serde_json::to_value(&told.book).unwrap();
    stored.as_object_mut().unwrap().remove("receivers");
    told.book = serde_json::from_value(stored).unwrap();
    told.now += 60;
    told.book.set_receivers(NOW + told.now, &["hook", "pager"]);
    assert_eq!(hears_now(&mut told, "pager"), []);
    let heard = hears_now(&mut told, "hook");
    assert!(heard.contains(&(Status::Firing, "errors".to_owned())), "{heard:?}");
    assert_eq!(heard.len(), 3, "that, and the end of both: {heard:?}");
}
