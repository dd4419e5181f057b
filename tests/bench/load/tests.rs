//! What `wrk` writes, read.

use super::*;

const OUTPUT: &str = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 16 connections\n  \
    Latency Distribution\n     50%  301.00us\n     75%  400.00us\n     90%    1.00ms\n     99%    5.79ms\n  \
    46700 requests in 1.00s, 5.00MB read\nRequests/sec:  46700.00\n";

#[test]
fn reads_requests_and_percentiles() {
    let burst = read_wrk(OUTPUT, 934_000_000).unwrap();
    assert_eq!((burst.requests, burst.p50_us, burst.p99_us), (46_700.0, 301.0, 5_790.0));
    assert_eq!(burst.cpu_us, 20.0);
}

#[test]
fn a_failed_request_spoils_the_burst() {
    assert!(read_wrk(&format!("{OUTPUT}  Non-2xx or 3xx responses: 3\n"), 1).is_err());
}
