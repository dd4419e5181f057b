//! Lines are printed as they come, and an answer that breaks off is no whole one.

use std::io;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::super::tests::{http, search_options, server};
use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const ROW: &str = "{\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}\n";
const LAST: &str =
    "{\"next\":\"cursor\",\"stopped\":\"time\",\"inspected\":{\"traces\":9,\"spans\":27,\"bytes\":5}}\n";

fn print(url: &str, output: &mut impl Write) -> Result<(), ClientError> {
    search(&SearchOptions { output: ListOutput::Ndjson, ..search_options(url) }, output)
}

/// Tells of everything that is printed.
struct Told(Sender<Vec<u8>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The second line is sent only once the first one was printed.
fn answer_step_by_step(listener: &TcpListener, printed: &Receiver<Vec<u8>>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line == "accept: application/x-ndjson"), "{head:?}");
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    for text in [ROW, ROW, LAST] {
        write!(stream, "{:x}\r\n{text}\r\n", text.len()).unwrap();
        if text == ROW {
            assert_eq!(printed.recv_timeout(DEADLINE).unwrap(), ROW.as_bytes());
        }
    }
    // Who has read the last line may have gone.
    stream.write_all(b"0\r\n\r\n").ok();
}

#[test]
fn each_line_is_printed_before_the_next_one_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, printed) = channel();
    let answering = thread::spawn(move || answer_step_by_step(&listener, &printed));
    print(&url, &mut Told(sender)).unwrap();
    answering.join().unwrap();
}

fn check_error(answer: String, exit_code: u8, words: &str, lines: usize) {
    let (url, answering) = server(answer);
    let mut printed = Vec::new();
    let error = print(&url, &mut printed).unwrap_err();
    answering.join().unwrap();
    assert_eq!(error.exit_code(), exit_code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(printed.split_inclusive(|byte| *byte == b'\n').count(), lines);
}

#[test]
fn an_answer_that_is_not_whole_is_an_error() {
    let broken_off = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{ROW}");
    check_error(broken_off, 3, "after 1 traces", 1);
    check_error(http("200 OK", ROW), 3, "in the middle of its answer", 1);
    let problem = |status: u16| {
        format!("{{\"type\":\"about:blank\",\"title\":\"\",\"status\":{status},\"detail\":\"too many\"}}\n")
    };
    check_error(http("200 OK", &format!("{ROW}{}", problem(503))), 3, "too many", 1);
    check_error(http("400 Bad Request", &problem(400)), 2, "too many", 0);
    check_error(http("200 OK", "<html>\n"), 3, "not JSON", 0);
    check_error(http("200 OK", LAST), 1, "no trace matches", 0);
}
