//! The receiver's paths.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

use crate::ingest::http::{self, Format};
use crate::ingest::{Ingest, refusal};

const PATH: &str = "/api/v2/spans";

/// The receiver of Zipkin spans.
pub fn router(ingest: Ingest) -> Router {
    Router::new().route(PATH, post(export)).fallback(unknown_path).with_state(ingest)
}

async fn unknown_path() -> Response {
    (StatusCode::NOT_FOUND, format!("Zipkin spans of version 2 are taken as JSON at POST {PATH}\n"))
        .into_response()
}

/// Zipkin has no words for a partial success: it is a success that says in its body what was rejected or left out.
async fn export(State(ingest): State<Ingest>, request: Request) -> Response {
    match http::take(&ingest, request, Format::Zipkin).await {
        Ok(accepted) if accepted.rejected > 0 && accepted.spans == 0 => {
            (StatusCode::BAD_REQUEST, format!("no span was taken: {}\n", accepted.words)).into_response()
        }
        Ok(accepted) if accepted.rejected > 0 => {
            let words = format!("{} spans were rejected: {}\n", accepted.rejected, accepted.words);
            (StatusCode::ACCEPTED, words).into_response()
        }
        Ok(accepted) if !accepted.words.is_empty() => {
            (StatusCode::ACCEPTED, format!("{}\n", accepted.words)).into_response()
        }
        Ok(_) => StatusCode::ACCEPTED.into_response(),
        Err(refusal) => {
            ingest.note(&refusal);
            let mut response = (refusal.http_status(), format!("{}\n", refusal.words())).into_response();
            refusal::add_retry_after(&refusal, &mut response);
            response
        }
    }
}
