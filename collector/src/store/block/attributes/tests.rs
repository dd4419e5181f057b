//! Attributes taken as they stand in messages land where those that were read land, met before or not.

use proptest::prelude::*;

use super::*;

/// Columns of words, of texts and of numbers, and a name without a column.
const KEYS: [&str; 5] =
    ["http.request.method", "url.path", "http.response.status_code", "server.address", "shop.basket"];

/// `KeyValue` of OTLP: text for 0 and 1, an integer for 2, nothing for 3.
fn attribute(key: &str, kind: u8, value: u8) -> Vec<u8> {
    let value = match kind {
        0 => vec![0x0a, 1, b'a' + value],
        // Too long to be kept for the next time.
        1 => [&[0x0a, 0x80 | 44, 2][..], &[b'a' + value; 300]].concat(),
        2 => vec![0x18, value],
        _ => Vec::new(),
    };
    let mut length = vec![value.len() as u8];
    if value.len() > 127 {
        length = vec![0x80 | (value.len() & 127) as u8, (value.len() >> 7) as u8];
    }
    [&[0x0a, key.len() as u8], key.as_bytes(), &[0x12], &length, &value].concat()
}

fn check(rows: &[Vec<Vec<u8>>]) {
    let (mut plain, mut read) = (AttributeColumns::new(rows.len()), AttributeColumns::new(rows.len()));
    let (mut of_plain, mut of_read) = (Vec::new(), Vec::new());
    for (row, raws) in rows.iter().enumerate() {
        let raws: Vec<&[u8]> = raws.iter().map(Vec::as_slice).collect();
        let attributes: Vec<_> =
            raws.iter().filter_map(|raw| read_plain_attribute(raw).expect("as OTLP has it")).collect();
        plain.take_plain(row, &raws, &mut of_plain).expect("as OTLP has it");
        read.take(row, &attributes, &mut of_read);
        assert_eq!(of_plain, of_read, "row {row} of {rows:?}");
    }
    let arrays = |columns: &AttributeColumns| {
        let mut arrays = Vec::new();
        columns.push_arrays(0..rows.len(), &mut arrays).expect("columns become arrays");
        arrays
    };
    assert_eq!(arrays(&plain), arrays(&read), "{rows:?}");
    assert_eq!(plain.inline(), read.inline());
    // Which columns are alike in all rows may differ: of a long word that comes again one knows that it is the same.
}

#[test]
fn the_same_key_twice_and_many_places_are_no_exception() {
    let method = attribute(KEYS[0], 0, 1);
    check(&[vec![method.clone()], vec![method.clone(), method.clone()], vec![method]]);
    let many: Vec<Vec<u8>> =
        (0..MAX_HINTS + 3).map(|place| attribute(KEYS[place % KEYS.len()], 2, 7)).collect();
    check(&[many.clone(), many]);
}

proptest! {
    #[test]
    fn what_was_met_before_lands_where_it_would_have(
        rows in prop::collection::vec(prop::collection::vec((0..KEYS.len(), 0..4_u8, 0..3_u8), 0..6), 1..12),
    ) {
        let rows: Vec<Vec<Vec<u8>>> = rows
            .into_iter()
            .map(|row| row.into_iter().map(|(key, kind, value)| attribute(KEYS[key], kind, value)).collect())
            .collect();
        check(&rows);
    }
}
