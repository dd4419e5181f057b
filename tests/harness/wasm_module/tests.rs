//! A module of two functions, one of which is made to trap.

use super::*;

/// `(import "e" "f" (func)) (func (export "a") nop) (func (export "b") nop)`, written by hand.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x02\x07\x01\x01e\x01f\0\0\
    \x03\x03\x02\0\0\
    \x07\x09\x02\x01a\0\x01\x01b\0\x02\
    \x0a\x09\x02\x03\0\x01\x0b\x03\0\x01\x0b";

#[test]
fn only_the_named_function_traps() {
    let trapping = with_trap_in(MODULE, "b").unwrap();
    let (head, last) = trapping.split_at(MODULE.len() - 3);
    assert_eq!(head, &MODULE[..MODULE.len() - 3]);
    assert_eq!(last, TRAP);
}

#[test]
fn a_function_that_is_not_there_and_bytes_that_are_no_module_are_errors() {
    assert!(with_trap_in(MODULE, "c").unwrap_err().to_string().contains("`c`"));
    assert!(with_trap_in(b"\0asm", "a").is_err());
    for end in 8..MODULE.len() {
        assert!(with_trap_in(&MODULE[..end], "b").is_err(), "cut at {end}");
    }
}

/// A module of one function that loads the address of a location, and of the location with its file's name.
fn module_with_location(loaded: u8) -> Vec<u8> {
    let name = b"filter/src/x.rs\0";
    let mut data = name.to_vec();
    for number in [64, 15, 7, 3_u32] {
        data.extend_from_slice(&number.to_le_bytes());
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend_from_slice(&[10, 8, 1, 6, 0, 0x41, loaded, 0, 0x1a, 0x0b]);
    module.extend_from_slice(&[11, 7 + data.len() as u8, 1, 0, 0x41, 64 | 0x80, 0, 0x0b, data.len() as u8]);
    module.extend_from_slice(&data);
    module
}

#[test]
fn a_location_that_the_code_loads_is_a_panic_site() {
    // 80 as a signed LEB128 takes two bytes.
    let sites = panic_sites(&module_with_location(80 | 0x80)).unwrap();
    let due = PanicSite { file: "filter/src/x.rs".to_owned(), line: 7 };
    assert_eq!(sites.into_iter().collect::<Vec<_>>(), [due]);
}

#[test]
fn a_location_that_nothing_loads_is_none() {
    assert!(panic_sites(&module_with_location(84 | 0x80)).unwrap().is_empty());
}
