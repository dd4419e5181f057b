//! Timelines as they look.

use super::*;

fn hop(ends: (Option<&str>, &str), depth: usize, concurrency: usize, times: [u64; 4]) -> Hop {
    let [offset, took, own, wait] = times.map(|milliseconds| milliseconds * 1_000_000);
    Hop {
        client: ends.0.map(str::to_owned),
        server: Some(ends.1.to_owned()),
        client_span_id: None,
        server_span_id: None,
        depth,
        offset_ns: offset,
        duration_ns: took,
        concurrency,
        self_ns: own,
        wait_ns: wait,
        client_proxy_ns: None,
        network_ns: None,
        between_ns: None,
        server_proxy_ns: None,
        application_ns: None,
        link: ends.0.map(|_| "contained".to_owned()),
        link_confidence: ends.0.map(|_| 0.966),
    }
}

#[test]
fn draws_hops_by_start() {
    let hops = Hops {
        trace_id: "07".repeat(16),
        hops: vec![
            hop((None, "gateway"), 1, 1, [0, 100, 20, 80]),
            hop((Some("gateway"), "cart"), 2, 2, [5, 80, 80, 0]),
        ],
        omitted_hops: 0,
    };
    let drawing = draw(&hops, Paint::Plain);
    let lines: Vec<&str> = drawing.lines().collect();
    assert_eq!(
        lines,
        [
            "      AT     TOOK DEPTH BESIDE     SELF     WAIT LINK       CALLER > CALLED",
            "    0 ns   100 ms     1      0  20.0 ms  80.0 ms -          (outside) > gateway",
            " 5.00 ms  80.0 ms     2      1  80.0 ms     0 ns contained  gateway > cart",
            "",
            "2 hops · depth 2",
        ],
        "\n{drawing}"
    );
}

#[test]
fn says_how_many_hops_are_left_out() {
    let hops = Hops {
        trace_id: "07".repeat(16),
        hops: vec![hop((None, "gateway"), 1, 1, [0, 100, 20, 80])],
        omitted_hops: 95_000,
    };
    let drawing = draw(&hops, Paint::Plain);
    assert!(drawing.ends_with("\n1 hop · depth 1 · 95000 hops that begin later left out\n"), "\n{drawing}");
}
