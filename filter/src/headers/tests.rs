//! What the host serialized is read, and damage harms nothing else.

use super::*;

fn serialized(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend([name, &b"\0"[..], value, &b"\0"[..]].concat());
    }
    bytes
}

#[test]
fn reads_what_the_host_serialized() {
    let pairs: [(&[u8], &[u8]); 3] = [(b":path", b"/"), (b"a", b""), (b"x", b"\xff\0\x80")];
    let headers = Headers::from_serialized(serialized(&pairs));
    assert_eq!(headers.iter().collect::<Vec<_>>(), pairs);
    assert_eq!(headers, headers.clone());
    assert_eq!(Headers::from_pairs(pairs).iter().collect::<Vec<_>>(), pairs);
}

#[test]
fn finds_the_first_and_all_values() {
    let headers = Headers::from_pairs([(&b"a"[..], &b"1"[..]), (b"b", b"2"), (b"a", b"3")]);
    assert_eq!(headers.all("a").collect::<Vec<_>>(), [b"1", b"3"]);
    assert_eq!(headers.all("c").next(), None);
}

#[test]
fn finds_every_known_header_among_others_of_its_length() {
    let known = [
        (Known::Path, ":path"),
        (Known::Method, ":method"),
        (Known::Authority, ":authority"),
        (Known::Scheme, ":scheme"),
        (Known::Protocol, ":protocol"),
        (Known::Accept, "accept"),
        (Known::ContentType, "content-type"),
        (Known::TraceParent, TRACEPARENT),
        (Known::TraceState, TRACESTATE),
        (Known::Upgrade, "upgrade"),
        (Known::UserAgent, "user-agent"),
        (Known::ForwardedFor, "x-forwarded-for"),
        (Known::RequestId, "x-request-id"),
    ];
    assert_eq!(known.len(), KNOWN);
    for (header, name) in known {
        let other = "z".repeat(name.len());
        let lines: [(&[u8], &[u8]); 4] =
            [(other.as_bytes(), b"0"), (name.as_bytes(), b"1"), (b"b", b"2"), (name.as_bytes(), b"3")];
        for headers in [Headers::from_pairs(lines), Headers::from_serialized(serialized(&lines))] {
            assert_eq!(headers.get(header), Some(&b"1"[..]), "{name}");
            assert_eq!(headers.values(header).collect::<Vec<_>>(), [b"1", b"3"], "{name}");
            assert_eq!(known.map(|(header, _)| headers.has(header)), known.map(|(_, one)| one == name));
        }
        let none = Headers::from_pairs([(other.as_bytes(), &b"0"[..])]);
        assert_eq!((none.get(header), none.values(header).next()), (None, None), "{name}");
    }
}

#[test]
fn text_is_printable_ascii_only() {
    let headers = Headers::from_pairs([(&b":path"[..], &b"a b"[..]), (b":scheme", b"\xc3\xa9")]);
    assert_eq!(headers.get_text(Known::Path), Some("a b"));
    assert_eq!(headers.get_text(Known::Scheme), None);
    assert_eq!(headers.get_text(Known::Method), None);
    assert_eq!(printable(b""), None);
    // Every byte at every place of a value that is looked at by words and by what is left of them.
    for (byte, place) in (0..=u8::MAX).flat_map(|byte| (0..19).map(move |place| (byte, place))) {
        let mut value = [b'~'; 19];
        value[place] = byte;
        assert_eq!(printable(&value).is_some(), matches!(byte, b' '..=b'~'), "{byte:#x} at {place}");
    }
}

#[test]
fn a_header_is_known_to_be_missing_only_where_all_are_seen() {
    let some: [(&[u8], &[u8]); 2] = [(b":path", b"/"), (b"a", b"1")];
    let whole = serialized(&some);
    let cut = whole[..whole.len() - 1].to_vec();
    let many = vec![(&b"a"[..], &b"1"[..]); MAX_HEADERS + 1];
    let cases = [
        (Headers::from_serialized(whole), true, "all of them"),
        (Headers::from_pairs(some), true, "all of them"),
        (Headers::from_serialized(cut), false, "a damaged map"),
        (Headers::from_serialized(Vec::new()), false, "no map at all"),
        (Headers::from_serialized(serialized(&many)), false, "too many"),
        (Headers::from_pairs(many.iter().copied()), false, "too many"),
    ];
    for (headers, expected, reason) in cases {
        assert_eq!(headers.lacks(Known::TraceParent), expected, "{reason}");
        assert!(!headers.lacks(Known::Path) || !headers.has(Known::Path), "{reason}");
    }
}

#[test]
fn a_damaged_map_gives_what_is_whole_in_it() {
    let good = serialized(&[(b"a", b"1"), (b"b", b"2")]);
    for length in 0..good.len() {
        assert!(Headers::from_serialized(good[..length].to_vec()).iter().count() <= 2);
    }
    let mut lying = good.clone();
    lying[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Headers::from_serialized(lying).iter().count(), 0);
    let mut long = good;
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Headers::from_serialized(long).iter().count(), 0);
}
