//! Who has many connections cannot take the last places.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn sender(number: u8) -> Peer {
    Peer::from(IpAddr::from(Ipv4Addr::new(10, 0, 0, number)))
}

/// The places that one sender gets who takes all it can.
fn take_all(room: &Arc<Room>, number: u8) -> Vec<Place> {
    std::iter::from_fn(|| room.enter(sender(number))).collect()
}

fn check(max_connections: usize, max_in_all: usize, of_loud: usize, of_other: usize) {
    let counters = Arc::new(Counters::new());
    let limits = ConnectionLimits { max_connections, max_in_all, ..ConnectionLimits::default() };
    let room = Arc::new(Room::new(&limits, Arc::clone(&counters)));
    let loud = take_all(&room, 1);
    let other = take_all(&room, 2);
    assert_eq!((loud.len(), other.len()), (of_loud, of_other), "{max_connections} {max_in_all}");
    assert_eq!(counters.connections_open.get(), (of_loud + of_other) as i64);
    drop((loud, other));
    assert_eq!(counters.connections_open.get(), 0);
    assert_eq!(take_all(&room, 3).len(), of_loud, "places are given back");
}

#[test]
fn the_last_places_are_for_senders_that_have_few() {
    check(160, usize::MAX, 150, 10);
    check(usize::MAX, 160, 150, 10);
    check(1_600, 160, 150, 10);
    // Of a few there are no last ones.
    check(8, usize::MAX, 8, 0);
    check(0, usize::MAX, 0, 0);
}
