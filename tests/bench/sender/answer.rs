//! One answer on a connection by HTTP/1.1: whether it is whole, and that it is a success.

use anyhow::{Context, Result, ensure};

const SUCCESS: &[u8] = b"HTTP/1.1 200 ";
const END_OF_HEADERS: &[u8] = b"\r\n\r\n";

/// Whether these bytes are a whole answer. An answer that is not 200, has no length or more bytes than its length
/// says is an error: figures with such answers would mean nothing.
pub(super) fn is_whole(bytes: &[u8]) -> Result<bool> {
    let Some(end) = bytes.windows(END_OF_HEADERS.len()).position(|window| window == END_OF_HEADERS) else {
        return Ok(false);
    };
    let headers = String::from_utf8_lossy(&bytes[..end]);
    ensure!(bytes.starts_with(SUCCESS), "not every request was answered with 200: {headers}");
    let length = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = end + END_OF_HEADERS.len() + length.with_context(|| format!("no length: {headers}"))?;
    ensure!(bytes.len() <= whole, "more than one answer to a request");
    Ok(bytes.len() == whole)
}

#[cfg(test)]
mod tests;
