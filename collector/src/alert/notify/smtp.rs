//! The little of SMTP (RFC 5321) that handing one mail to a relay needs: no encryption, no login.

use std::io::{self, BufRead as _, BufReader, Error, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

const MAX_LINE_BYTES: u64 = 4096;

/// Hands a mail to the relay at `smtp://host:port`.
pub(super) fn send(
    url: &str,
    from: &str,
    to: &[String],
    (subject, text): &(String, String),
    timeout: Duration,
) -> io::Result<()> {
    let relay = url.trim_start_matches("smtp://");
    let relay = if relay.contains(':') { relay.to_owned() } else { format!("{relay}:25") };
    let address = relay.to_socket_addrs()?.next().ok_or_else(|| Error::other("the relay has no address"))?;
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut talk = Talk { input: BufReader::new(stream.try_clone()?), output: stream };
    talk.expect(2)?;
    talk.say("EHLO throughline", 2)?;
    talk.say(&format!("MAIL FROM:<{from}>"), 2)?;
    for recipient in to {
        talk.say(&format!("RCPT TO:<{recipient}>"), 2)?;
    }
    talk.say("DATA", 3)?;
    let (to, subject) = (to.join(">, <"), header(subject));
    let mut mail = format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n");
    mail += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    for line in text.lines() {
        // A line that begins with a dot would end the mail: RFC 5321, section 4.5.2.
        mail += if line.starts_with('.') { "." } else { "" };
        mail += line;
        mail += "\r\n";
    }
    talk.say(&(mail + "."), 2)?;
    talk.say("QUIT", 2)
}

/// A header holds one line of ASCII.
fn header(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    text.chars().map(|letter| if is_plain(letter) { letter } else { '?' }).take(200).collect()
}

struct Talk {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Talk {
    fn say(&mut self, line: &str, expected: u32) -> io::Result<()> {
        self.output.write_all(format!("{line}\r\n").as_bytes())?;
        self.expect(expected)
    }

    /// Reads an answer of one or more lines; its code has to begin with this digit.
    fn expect(&mut self, expected: u32) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.input.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)?;
            if line.chars().next().and_then(|digit| digit.to_digit(10)) != Some(expected) {
                return Err(Error::other(format!("it said `{}`", line.trim())));
            }
            if line.get(3..4) != Some("-") {
                return Ok(());
            }
        }
    }
}
