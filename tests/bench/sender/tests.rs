//! The sender against servers that answer at once, late, wrongly or not at all.

use std::net::TcpListener;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A server that does the same on each connection, until the test ends.
fn serve(on_request: impl Fn(usize) -> Option<&'static [u8]> + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, on_request) = (stream.unwrap(), on_request.clone());
            std::thread::spawn(move || {
                for count in 0.. {
                    let mut request = [0; REQUEST.len()];
                    if stream.read_exact(&mut request).is_err() {
                        return;
                    }
                    assert_eq!(request, REQUEST);
                    let Some(answer) = on_request(count) else { return };
                    stream.write_all(answer).unwrap();
                }
            });
        }
    });
    port
}

fn plan(port: u16, count: usize) -> Plan<'static> {
    Plan { port, request: REQUEST, count, interval: Duration::from_micros(100) }
}

#[test]
fn every_request_is_sent_once_and_answered() {
    let answered = send(plan(serve(|_| Some(OK)), 500)).unwrap();
    assert_eq!((answered.latencies.len(), answered.late.len()), (500, 500));
    assert!(answered.took >= Duration::from_micros(100) * 499, "no request leaves before it is due");
}

#[test]
fn requests_that_wait_for_a_connection_count_from_when_they_were_due() {
    let stall = Duration::from_millis(200);
    let port = serve(move |count| {
        if count == 0 {
            std::thread::sleep(stall);
        }
        Some(OK)
    });
    let count = 10 * CONNECTIONS;
    let answered = send(plan(port, count)).unwrap();
    let last_due = Duration::from_micros(100) * 319;
    let waited = answered.latencies.iter().filter(|latency| **latency >= stall - last_due).count();
    assert_eq!(waited, count, "all of them were due before the first answer came");
    let late = answered.late.iter().filter(|late| **late >= stall - last_due).count();
    assert!(late >= count - CONNECTIONS, "the others had no connection: {late}");
}

#[test]
fn a_wrong_answer_and_a_closed_connection_are_errors() {
    let wrong = send(plan(serve(|_| Some(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")), 10)).unwrap_err();
    assert!(wrong.to_string().contains("503"), "{wrong:#}");
    let closed = send(plan(serve(|_| None), 10)).unwrap_err();
    assert!(format!("{closed:#}").contains("closed a connection"), "{closed:#}");
}
