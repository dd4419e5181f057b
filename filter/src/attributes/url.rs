//! Addresses that may be shown: queries without the values that give access to something, and whole URLs.

use std::borrow::Cow;

use super::QueryDetail;

/// Query parameters whose values give access to something (semantic conventions 1.44.0, `url.query`, redacted by
/// default, case-sensitive).
const SECRET_PARAMETERS: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];
/// What stands in place of a secret, as the conventions have it.
const REDACTED: &str = "REDACTED";

/// A `:path` in its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path without query.
    pub path: &'a str,
    /// What stands behind the question mark; empty when there is nothing.
    pub query: &'a str,
}

impl<'a> Target<'a> {
    /// Takes a `:path` apart. A fragment has no business there and is left out.
    pub fn parse(text: &'a str) -> Self {
        // Byte by byte: the searches of the standard library are made for longer texts.
        let end = text.bytes().position(|byte| byte == b'#').unwrap_or(text.len());
        let text = text.get(..end).unwrap_or_default();
        let path = text.bytes().position(|byte| byte == b'?').unwrap_or(text.len());
        let (path, query) = text.split_at_checked(path).unwrap_or_default();
        Self { path, query: query.get(1..).unwrap_or_default() }
    }

    /// The query as it may be shown; `None` when there is nothing to show.
    pub fn shown_query(&self, detail: QueryDetail) -> Option<Cow<'a, str>> {
        match detail {
            _ if self.query.is_empty() => None,
            QueryDetail::Off => None,
            QueryDetail::Full => Some(Cow::Borrowed(self.query)),
            QueryDetail::Redacted => Some(redact(self.query)),
        }
    }

    /// `url.full`: scheme, authority, path and query as it may be shown.
    pub fn full_url(&self, scheme: &str, authority: &str, detail: QueryDetail) -> String {
        // Credentials before the host are never shown (semantic conventions 1.44.0, `url.full`).
        let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let hidden = if userinfo.is_empty() { "" } else { "REDACTED:REDACTED@" };
        let query = self.shown_query(detail).unwrap_or_default();
        let mark = if query.is_empty() { "" } else { "?" };
        [scheme, "://", hidden, host, self.path, mark, &query].concat()
    }
}

fn redact(query: &str) -> Cow<'_, str> {
    let is_secret = |parameter: &[u8]| {
        let name = parameter.split(|byte| *byte == b'=').next();
        name.is_some_and(|name| SECRET_PARAMETERS.iter().any(|secret| secret.as_bytes() == name))
    };
    if !query.as_bytes().split(|byte| *byte == b'&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let mut shown = String::with_capacity(query.len());
    for (index, parameter) in query.split('&').enumerate() {
        if index > 0 {
            shown.push('&');
        }
        match parameter.split_once('=') {
            Some((name, _)) if SECRET_PARAMETERS.contains(&name) => {
                shown.extend([name, "=", REDACTED]);
            }
            _ => shown.push_str(parameter),
        }
    }
    Cow::Owned(shown)
}
