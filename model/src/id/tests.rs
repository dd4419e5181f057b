//! Ids in and out of their textual form.

use super::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn reads_only_lower_case_hexadecimal_of_the_right_length() {
    let cases: [(&str, bool, &str); 7] = [
        ("4bf92f3577b34da6a3ce929d0e0e4736", true, "32 lower-case digits"),
        ("00000000000000000000000000000001", true, "one bit is enough"),
        ("00000000000000000000000000000000", false, "all zero is invalid"),
        ("4BF92F3577B34DA6A3CE929D0E0E4736", false, "upper case is outside HEXDIGLC"),
        ("4bf92f3577b34da6a3ce929d0e0e473", false, "too short"),
        ("4bf92f3577b34da6a3ce929d0e0e47366", false, "too long"),
        ("4bf92f3577b34da6a3ce929d0e0e473g", false, "not a digit"),
    ];
    for (text, valid, reason) in cases {
        assert_eq!(TraceId::from_hex(text.as_bytes()).is_some(), valid, "{text}: {reason}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn prints_what_it_read() {
    let text = "00f067aa0ba902b7";
    let id = SpanId::from_hex(text.as_bytes()).unwrap();
    assert_eq!((id.to_string(), id.to_hex()), (text.to_owned(), text.to_owned()));
    assert_eq!(SpanId::from_bytes(id.as_bytes()), Some(id));
}

#[wasm_bindgen_test(unsupported = test)]
fn every_byte_is_read_and_written_at_every_place() {
    for (byte, place) in (0..=u8::MAX).flat_map(|byte| (0..16).map(move |place| (byte, place))) {
        let mut text = *b"00f067aa0ba902b7";
        text[place] = byte;
        let expected = matches!(byte, b'0'..=b'9' | b'a'..=b'f').then(|| text.to_vec());
        let read = SpanId::from_hex(&text).map(|id| id.to_hex().into_bytes());
        assert_eq!(read, expected, "{byte:#x} at {place}");
        let mut bytes = [0xa5; 8];
        bytes[place / 2] = byte;
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(SpanId::from_bytes(&bytes).unwrap().to_hex(), written);
    }
}
