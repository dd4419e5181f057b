//! Measures what reading OTLP costs: our scan, our owned spans, and the types that prost generates, on the same messages.

#[path = "../harness/generator/mesh_traces.rs"]
mod mesh_traces;
mod messages;

use std::hint::black_box;
use std::time::{Duration, Instant};

use prost::Message as _;
use throughline_model::otlp::{decode_export_request, encode_export_request, scan_export_request};

use messages::ExportTraceServiceRequest;

/// Time for each reader and shape in each round.
const SLICE: Duration = Duration::from_millis(300);
const ROUNDS: usize = 7;

type Reader = fn(&[u8]) -> usize;

const READERS: [(&str, Reader); 3] = [
    ("ours, checked without building (what a receiver does)", scan),
    ("ours, into owned spans (what a query does)", decode),
    ("prost, into generated types", generated),
];

fn scan(message: &[u8]) -> usize {
    let mut spans = 0;
    let tally = scan_export_request(message, |head| {
        black_box(&head);
        spans += 1;
    });
    assert!(tally.is_ok_and(|tally| tally.rejected == 0), "our own message is refused");
    spans
}

fn decode(message: &[u8]) -> usize {
    decode_export_request(message).map_or(0, |decoded| black_box(decoded).spans.len())
}

fn generated(message: &[u8]) -> usize {
    let request = ExportTraceServiceRequest::decode(message).expect("our own message");
    black_box(request).spans()
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Nanoseconds for one span.
fn measure(reader: Reader, messages: &[Vec<u8>]) -> f64 {
    let (began, mut spans) = (Instant::now(), 0);
    while began.elapsed() < SLICE {
        spans += messages.iter().map(|message| reader(black_box(message))).sum::<usize>();
    }
    began.elapsed().as_nanos() as f64 / spans as f64
}

fn main() {
    assert!(mesh_traces::SPANS_PER_TRACE > 1);
    let by_sender = mesh_traces::spans(0, 20);
    let sidecars: Vec<Vec<u8>> = by_sender.iter().map(|spans| encode_export_request(spans)).collect();
    let all: Vec<_> = by_sender.into_iter().flatten().collect();
    let count = all.len();
    let gateway = vec![encode_export_request(&all)];
    let bytes = gateway[0].len() / count;
    for (_, reader) in READERS {
        assert_eq!(reader(&gateway[0]), count, "every reader finds every span");
    }
    println!("| reader | one message of {count} spans, {bytes} B each | {} messages of sidecars |", sidecars.len());
    println!("|---|---|---|");
    // In turns, so that what else the machine does falls on all alike; the least of the rounds is the least disturbed.
    let mut least = [[f64::INFINITY; 2]; READERS.len()];
    for _ in 0..ROUNDS {
        for ((_, reader), least) in READERS.iter().zip(&mut least) {
            for (messages, least) in [&gateway, &sidecars].into_iter().zip(least) {
                *least = least.min(measure(*reader, messages));
            }
        }
    }
    for ((name, _), [gateway, sidecars]) in READERS.iter().zip(least) {
        println!("| {name} | {gateway:.0} ns/span | {sidecars:.0} ns/span |");
    }
}
