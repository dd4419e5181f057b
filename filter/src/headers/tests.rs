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
    assert_eq!(headers.get("a"), Some(&b"1"[..]));
    assert_eq!(headers.all("a").collect::<Vec<_>>(), [b"1", b"3"]);
    assert_eq!(headers.get("c"), None);
}

#[test]
fn text_is_printable_ascii_only() {
    let headers = Headers::from_pairs([(&b"good"[..], &b"a b"[..]), (b"bad", b"\xc3\xa9"), (b"empty", b"")]);
    assert_eq!(headers.get_text("good"), Some("a b"));
    assert_eq!(headers.get_text("bad"), None);
    assert_eq!(headers.get_text("empty"), None);
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
