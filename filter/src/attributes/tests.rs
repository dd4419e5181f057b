//! What of an address is shown, and who the peers are.

use super::*;

#[test]
fn secrets_in_a_query_are_never_shown_but_in_full() {
    let cases = [
        ("/a", QueryDetail::Redacted, None, "no query"),
        ("/a?", QueryDetail::Full, None, "an empty query"),
        ("/a?user=7&x", QueryDetail::Redacted, Some("user=7&x"), "nothing secret"),
        ("/a?sig=abc&n=1", QueryDetail::Redacted, Some("sig=REDACTED&n=1"), "url.query: sig"),
        ("/a?n=1&sig=a=b", QueryDetail::Redacted, Some("n=1&sig=REDACTED"), "a value with `=`"),
        ("/a?Sig=abc", QueryDetail::Redacted, Some("Sig=abc"), "names are case-sensitive"),
        ("/a?sig", QueryDetail::Redacted, Some("sig"), "no value, nothing to hide"),
        (
            "/a?AWSAccessKeyId=1&Signature=2&X-Goog-Signature=3",
            QueryDetail::Redacted,
            Some("AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED"),
            "url.query: the list",
        ),
        (
            "/a?X-Amz-Signature=1&X-Amz-Credential=2&X-Amz-Security-Token=3",
            QueryDetail::Redacted,
            Some("X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED"),
            "url.query: the list",
        ),
        ("/a?sig=abc", QueryDetail::Full, Some("sig=abc"), "as the operator wants it"),
        ("/a?n=1", QueryDetail::Off, None, "as the operator wants it"),
        ("/a?n=1#top", QueryDetail::Redacted, Some("n=1"), "a fragment is no part of it"),
    ];
    for (path, detail, expected, reason) in cases {
        assert_eq!(Target::parse(path).shown_query(detail).as_deref(), expected, "{path}: {reason}");
    }
}

#[test]
fn a_full_url_has_no_credentials() {
    let check = |authority: &str, path: &str, detail, expected: &str| {
        assert_eq!(Target::parse(path).full_url("https", authority, detail), expected);
    };
    check("cart:8080", "/a?n=1", QueryDetail::Redacted, "https://cart:8080/a?n=1");
    check("cart", "/a?sig=1", QueryDetail::Redacted, "https://cart/a?sig=REDACTED");
    check("cart", "/a?sig=1", QueryDetail::Off, "https://cart/a");
    check("me:secret@cart", "/", QueryDetail::Full, "https://REDACTED:REDACTED@cart/");
}

#[test]
fn a_method_is_one_of_a_few() {
    let cases = [("GET", "GET"), ("PATCH", "PATCH"), ("get", "_OTHER"), ("BREW", "_OTHER")];
    for (written, method) in cases {
        assert_eq!(method_of(written), method, "http.request.method: case-sensitive, known or `_OTHER`");
    }
}

#[test]
fn an_address_is_host_and_port() {
    let cases = [
        ("cart:8080", ("cart", Some(8080))),
        ("cart", ("cart", None)),
        ("10.0.0.1:80", ("10.0.0.1", Some(80))),
        ("[::1]:80", ("::1", Some(80))),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
        ("cart:", ("cart:", None)),
        ("cart:x", ("cart:x", None)),
        ("", ("", None)),
    ];
    for (text, expected) in cases {
        assert_eq!(host_and_port(text), expected, "{text}");
    }
}

#[test]
fn the_client_is_the_first_address_that_was_forwarded() {
    let client = |name: &str, value: &[u8]| {
        let headers = Headers::from_pairs([(name.as_bytes(), value)]);
        client_address(&headers).map(str::to_owned)
    };
    assert_eq!(client("x-forwarded-for", b"203.0.113.9, 10.0.0.1"), Some("203.0.113.9".into()));
    assert_eq!(client("x-forwarded-for", b" 2001:db8::1 "), Some("2001:db8::1".into()));
    assert_eq!(client("x-forwarded-for", b""), None);
    assert_eq!(client("x-forwarded-for", b"\xff"), None);
    assert_eq!(client("x-other", b"203.0.113.9"), None);
}
