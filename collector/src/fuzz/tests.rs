//! The fuzzers' functions on a fixed number of seeded inputs, so that every machine runs them, with any compiler.

use super::{TARGETS, Target};

/// Inputs for each target.
const INPUTS: usize = 10_000;
const MAX_INPUT_BYTES: usize = 1_024;

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

    /// Some changes to an input: a bit, a byte that matters to a parser, a cut, a piece said twice.
    fn mutate(&mut self, input: &mut Vec<u8>) {
        const TELLING: &[u8] = b"\x00\x01\x0a\x12\x7f\x80\xff-,;:=\"{}[]09afTLR1 \n";
        for _ in 0..=self.below(4) {
            let at = self.below(input.len());
            match (self.below(5), input.get_mut(at)) {
                (0, Some(byte)) => *byte ^= 1 << self.below(8),
                (1, Some(byte)) => *byte = TELLING[self.below(TELLING.len())],
                (2, _) if self.below(4) == 0 => input.truncate(at),
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

/// A quarter of the inputs are random, the others are the example changed further and further.
fn run(name: &str, target: Target, example: &[u8]) {
    let mut seeded = Seeded(name.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)));
    target(example);
    target(b"");
    let mut mutated = example.to_vec();
    for number in 0..INPUTS {
        if number % 4 == 0 {
            target(&seeded.bytes());
            continue;
        }
        if number % 32 == 1 {
            mutated = example.to_vec();
        }
        seeded.mutate(&mut mutated);
        target(&mutated);
    }
}

#[test]
fn no_bytes_harm_a_reader() {
    for (name, target, example) in TARGETS {
        run(name, target, example);
    }
}

#[test]
fn the_examples_are_read() {
    use throughline_model::otlp::decode_export_request;
    for (name, _, example) in TARGETS {
        let spans = match name {
            "otlp_protobuf" => decode_export_request(example).unwrap().spans.len(),
            "otlp_json" => crate::ingest::json::read(example).unwrap().spans.len(),
            "zipkin_json" => crate::ingest::zipkin::read(example).unwrap().spans.len(),
            "traceql" => {
                let text = std::str::from_utf8(example).unwrap();
                let (text, spans) = text.split_once('\0').unwrap();
                assert_eq!(crate::query::try_traceql(text, spans.as_bytes()), Ok(()));
                continue;
            }
            _ => continue,
        };
        assert_eq!(spans, 1, "{name}");
    }
}

#[test]
fn each_target_has_a_file_for_the_fuzzer() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, ..) in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "collector/fuzz/Cargo.toml has no `{name}`"
        );
    }
}
