//! Which path gives which file, with which headers.

use super::*;

static BUILT: [File; 3] = [
    File { path: "/index.html", bytes: b"<p>index" },
    File { path: "/assets/index-4f2a.js", bytes: b"1" },
    File { path: "/favicon.svg", bytes: b"<svg/>" },
];

/// Content type and caching of the answer; `None` where there is none.
fn found(path: &str, files: &'static [File]) -> Option<(String, String)> {
    let response = find(path, files)?;
    let header = |name| response.headers()[name].to_str().unwrap().to_owned();
    assert!(header(CONTENT_SECURITY_POLICY).contains("script-src 'self';"));
    Some((header(CONTENT_TYPE), header(CACHE_CONTROL)))
}

fn check(path: &str, expected: Option<(&str, &str)>) {
    let expected = expected.map(|(kind, caching)| (kind.to_owned(), caching.to_owned()));
    assert_eq!(found(path, &BUILT), expected, "{path}");
}

#[test]
fn serves_the_index_for_the_pages_own_routes_only() {
    let index = Some(("text/html; charset=utf-8", "no-cache"));
    check("/", index);
    check("/trace/4bf92f3577b34da6a3ce929d0e0e4736", index);
    check("/alerts", index);
    check("/alerts/4bf92f3577b34da6", index);
    check("/alerts/a/b", None);
    check("/trace/", None);
    check("/trace/a/b", None);
    check("/trace/../x", None);
    check("/elsewhere", None);
}

#[test]
fn lets_hashed_files_be_kept_for_ever() {
    check(
        "/assets/index-4f2a.js",
        Some(("text/javascript; charset=utf-8", "public, max-age=31536000, immutable")),
    );
    check("/favicon.svg", Some(("image/svg+xml", "no-cache")));
    check("/assets/other.js", None);
}

#[test]
fn says_how_to_build_the_page_when_it_was_not_built() {
    assert!(found("/", &[]).is_some());
    assert!(found("/index.html", &[]).is_none());
    assert!(NOTICE.contains("make ui"));
}
