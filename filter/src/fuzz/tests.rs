//! The fuzzers' functions on a fixed number of seeded inputs, so that every machine runs them, with any compiler.

use super::{TARGETS, Target};

/// Inputs for each target.
const INPUTS: usize = 20_000;
const MAX_INPUT_BYTES: usize = 2_048;

/// A sequence that is the same in every run (SplitMix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(MAX_INPUT_BYTES);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Some changes to an input: a bit, a byte of the kind that matters to a parser, a cut, a piece said twice.
    fn mutate(&mut self, input: &mut Vec<u8>) {
        const TELLING: &[u8] = b"\x00\x01\x7f\x80\xff-,;:=>\"{}[]09afAF \t";
        for _ in 0..=self.below(8) {
            let at = self.below(input.len());
            match (self.below(5), input.get_mut(at)) {
                (0, Some(byte)) => *byte ^= 1 << self.below(8),
                (1, Some(byte)) => *byte = TELLING[self.below(TELLING.len())],
                (2, _) => input.truncate(at),
                (3, _) => input.insert(at, TELLING[self.below(TELLING.len())]),
                _ => {
                    let piece = input[at..(at + self.below(64)).min(input.len())].to_vec();
                    input.splice(at..at, piece);
                }
            }
        }
        input.truncate(MAX_INPUT_BYTES);
    }
}

/// Half of the inputs are random, half are the example changed further and further.
fn run(name: &str, target: Target, example: &[u8]) {
    let mut seeded =
        Seeded(name.bytes().fold(7, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))));
    target(example);
    target(b"");
    let mut mutated = example.to_vec();
    for number in 0..INPUTS {
        if number % 2 == 0 {
            target(&seeded.bytes());
            continue;
        }
        if number % 64 == 1 {
            mutated = example.to_vec();
        }
        seeded.mutate(&mut mutated);
        target(&mutated);
    }
}

fn target(name: &str) -> (Target, &'static [u8]) {
    let found = TARGETS.iter().find(|(candidate, ..)| *candidate == name);
    found.map(|(_, target, example)| (*target, *example)).unwrap()
}

#[test]
fn no_bytes_harm_a_parser() {
    for (name, target, example) in TARGETS.iter().filter(|(name, ..)| *name != "whole_requests") {
        run(name, *target, example);
    }
}

#[test]
fn no_story_of_requests_harms_the_filter_or_breaks_what_is_passed_on() {
    let (target, example) = target("whole_requests");
    run("whole_requests", target, example);
}

#[test]
fn each_target_has_a_file_for_the_fuzzer() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, ..) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "filter/fuzz/Cargo.toml has no `{name}`");
    }
}
