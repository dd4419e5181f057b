//! An address to listen on, as written: a host and a port.

use std::fmt;
use std::str::FromStr;

/// A host (name or IP address) and a port; port 0 means any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 0 to 65535.
    pub port: u16,
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (host, port) = text.rsplit_once(':').ok_or("write HOST:PORT, such as 127.0.0.1:4317")?;
        let port = port.parse().map_err(|_| "the port must be a number from 0 to 65535")?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner,
            None if host.contains(':') => {
                return Err("write an IPv6 address in brackets, such as [::1]:4317");
            }
            None => host,
        };
        if host.is_empty() {
            return Err("name a host; 0.0.0.0 listens on every address of this machine");
        }
        if host.contains(|character: char| character.is_whitespace() || "/[]@".contains(character)) {
            return Err("write HOST:PORT without scheme or path, such as 127.0.0.1:4317");
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}
