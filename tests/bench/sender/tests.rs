//! The sender against servers that answer, answer wrongly or not at all.

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
}

#[test]
fn requests_that_wait_for_a_connection_count_from_when_they_were_due() {
    let all_due_at_once = Plan { interval: Duration::ZERO, ..plan(serve(|_| Some(OK)), 10 * CONNECTIONS) };
    let answered = send(all_due_at_once).unwrap();
    assert!(answered.late.is_sorted(), "who leaves later is later");
    assert!(answered.latencies.is_sorted(), "who is answered later has waited longer");
    assert!(answered.latencies.last() <= Some(&answered.took));
}

#[test]
fn a_wrong_answer_and_a_closed_connection_are_errors() {
    let wrong = send(plan(serve(|_| Some(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")), 10)).unwrap_err();
    assert!(wrong.to_string().contains("503"), "{wrong:#}");
    let closed = send(plan(serve(|_| None), 10)).unwrap_err();
    assert!(format!("{closed:#}").contains("closed a connection"), "{closed:#}");
}
