//! Whatever happens to the bytes, intact records are found and nothing else is taken for one.

use proptest::prelude::*;

use super::*;

fn log_of(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    payloads.iter().for_each(|payload| bytes.extend([&header(payload), *payload].concat()));
    bytes
}

fn check(bytes: &[u8], expected: &[&[u8]], expected_torn: u64) {
    let mut records = Records::new(bytes);
    let found: Vec<&[u8]> = records.by_ref().collect();
    assert_eq!(found, expected);
    assert_eq!(records.torn(), expected_torn);
}

#[test]
fn reads_back_what_was_written() {
    check(&log_of(&[b"one", b"", b"three"]), &[b"one", b"", b"three"], 0);
    check(&[], &[], 0);
}

#[test]
fn a_torn_tail_costs_only_itself() {
    let whole = log_of(&[b"one", b"two"]);
    for cut in log_of(&[b"one"]).len() + 1..whole.len() {
        check(&whole[..cut], &[b"one"], 1);
    }
}

#[test]
fn a_damaged_payload_costs_one_record() {
    let mut bytes = log_of(&[b"one", b"two", b"three"]);
    bytes[HEADER_BYTES + 1] ^= 1;
    check(&bytes, &[b"two", b"three"], 1);
}

#[test]
fn a_damaged_header_costs_one_record() {
    for byte in 0..HEADER_BYTES {
        let mut bytes = log_of(&[b"one", b"two", b"three"]);
        bytes[log_of(&[b"one"]).len() + byte] ^= 0x80;
        check(&bytes, &[b"one", b"three"], 1);
    }
}

#[test]
fn a_tail_of_zeros_is_passed_over() {
    let mut bytes = log_of(&[b"one"]);
    bytes.extend([0; 4096]);
    check(&bytes, &[b"one"], 1);
}

#[test]
fn a_length_above_the_limit_is_damage() {
    let mut bytes = MARK.to_vec();
    bytes.extend((MAX_PAYLOAD_BYTES as u32 + 1).to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend(log_of(&[b"next"]));
    check(&bytes, &[b"next"], 1);
}

proptest! {
    #[test]
    fn one_flipped_byte_costs_at_most_one_record(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
        place in any::<proptest::sample::Index>(),
        flip in 1u8..,
    ) {
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let mut bytes = log_of(&slices);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let found: Vec<&[u8]> = Records::new(&bytes).collect();
        prop_assert_eq!(found.len(), payloads.len() - 1);
        prop_assert!(found.iter().all(|payload| slices.contains(payload)));
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Records::new(&bytes).count() <= bytes.len() / HEADER_BYTES);
    }
}

/// Found by a fuzzer: a payload may hold bytes that look like a header which promises more than there is.
#[test]
fn what_looks_like_a_header_in_a_damaged_record_costs_nothing_behind_it() {
    let mut look_alike = header(&[7; 1_000]).to_vec();
    look_alike.extend_from_slice(b"and a little more");
    let mut first = [&header(&look_alike), &look_alike[..]].concat();
    first[14] ^= 0x10;
    let second = [&header(b"second")[..], b"second"].concat();
    let segment = [first, second].concat();
    let mut records = Records::new(&segment);
    assert_eq!(records.next(), Some(&b"second"[..]));
    assert_eq!((records.next(), records.torn()), (None, 2));
}

/// The same where what it promises is there, and is no payload of its own.
#[test]
fn what_looks_like_a_header_of_other_bytes_costs_nothing_behind_it() {
    let mut look_alike = header(&[7; 100]).to_vec();
    look_alike.extend_from_slice(b"and a little more");
    let mut first = [&header(&look_alike), &look_alike[..]].concat();
    first[14] ^= 0x10;
    let behind: Vec<u8> = (0..20).flat_map(|_| [&header(b"intact")[..], b"intact"].concat()).collect();
    let segment = [first, behind].concat();
    let mut records = Records::new(&segment);
    assert_eq!(records.by_ref().count(), 20);
    assert_eq!(records.torn(), 2);
}
