//! What a proxy answers, whole and in pieces.

use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nserver: envoy\r\n\r\nok\n";

#[test]
fn an_answer_is_whole_with_its_last_byte() {
    for length in 0..ANSWER.len() {
        assert!(!is_whole(&ANSWER[..length]).unwrap(), "{length}");
    }
    assert!(is_whole(ANSWER).unwrap());
}

#[test]
fn names_of_headers_have_no_case() {
    assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap());
}

#[test]
fn what_spoils_the_figures_is_an_error() {
    let wrong: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "with 200: HTTP/1.1 503"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nH", "more than one"),
    ];
    for (bytes, reason) in wrong {
        let error = is_whole(bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
