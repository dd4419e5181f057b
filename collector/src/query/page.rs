//! Serves the page: its files are part of the binary, and a plain notice stands in where they were not built.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::refuse_method;

/// A file of the page.
struct File {
    /// Its path on the server, such as `/assets/index-4f2a.js`.
    path: &'static str,
    bytes: &'static [u8],
}

// `FILES`: what the build found in `ui/dist`, `index.html` among it, or nothing.
include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

const NOTICE: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Throughline</title>\n\
    <h1>Throughline</h1>\n\
    <p>The collector runs, but its page was not built. Run <code>make ui</code>, then build the collector again.</p>\n\
    <p>The API works all the same: <a href=\"/api/v1/traces\">newest traces</a>, \
    <a href=\"/api/v1/services\">services</a>, <a href=\"/api/v1/status\">status</a>, \
    <a href=\"/metrics\">metrics</a>.</p>\n</html>\n";

/// Only what the page brings along may run or be shown, and only its own server may be asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Names in this folder carry a hash of their content.
const HASHED_FOLDER: &str = "/assets/";

/// Answers every path that has no route of its own.
pub(super) async fn serve(method: Method, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path();
    if path.starts_with("/api/") {
        return Err(Problem::not_found(format!(
            "there is nothing at {path}: /api/v1/traces is where searches go, and /api/openapi.json names all paths"
        )));
    }
    let Some(response) = find(path, FILES) else {
        return Err(Problem::not_found(format!("there is nothing at {path}: the page is at /")));
    };
    if method != Method::GET && method != Method::HEAD {
        return Err(refuse_method(method).await);
    }
    Ok(response)
}

fn find(path: &str, files: &'static [File]) -> Option<Response> {
    if is_route_of_the_page(path) {
        let index = files.iter().find(|file| file.path == "/index.html");
        return Some(answer("/index.html", index.map_or(NOTICE.as_bytes(), |index| index.bytes)));
    }
    files.iter().find(|file| file.path == path).map(|file| answer(file.path, file.bytes))
}

/// The page finds its way by the path: the list of traces and one trace, the list of alerts and one alert.
fn is_route_of_the_page(path: &str) -> bool {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|letter| letter.is_ascii_alphanumeric());
    let names_one = |folder: &str| path.strip_prefix(folder).is_some_and(is_id);
    matches!(path, "/" | "/alerts") || names_one("/trace/") || names_one("/alerts/")
}

fn answer(path: &str, bytes: &'static [u8]) -> Response {
    let caching = match path.starts_with(HASHED_FOLDER) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers =
        [(CONTENT_TYPE, content_type(path)), (CACHE_CONTROL, caching), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, bytes).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
