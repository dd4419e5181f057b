//! Answers questions over HTTP and draws the answers: the API, the tail, the metrics, the page and the command line.

pub mod answer;
pub mod insight;
pub mod localise;
pub mod terminal;

mod alerts;
mod attribute_json;
mod envoy_tags;
mod figures;
mod find;
mod held;
mod jaeger;
mod joined;
mod mesh_metrics;
mod openapi;
mod operation;
mod otlp_json;
mod page;
mod parameter;
mod problem;
mod progress;
mod status;
mod tail;
mod tempo;
mod timestamp;
mod trace;
mod traceql;
mod worker;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::alert::Alerts;
use crate::store::Store;
use crate::telemetry::Counters;

use find::Limits;
use held::AnswerRoom;
use problem::Problem;
use tail::Tail;
use worker::Workers;

/// What one search may cost; an answer that ran into a bound says so, and where to go on.
const SEARCH_LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1024 * 1024 * 1024 };

/// What the answers are made from; clones share it.
#[derive(Clone)]
pub struct QueryState {
    store: Arc<dyn Store>,
    counters: Arc<Counters>,
    workers: Arc<Workers>,
    answers: AnswerRoom,
    tail: Arc<Tail>,
    limits: Arc<RwLock<Limits>>,
    alerts: Option<Alerts>,
    otlp_http_port: Option<u16>,
}

impl QueryState {
    /// Begins to follow the store for the tail and the totals of complete traces, until the last clone is dropped.
    /// Has to be called within a tokio runtime.
    pub fn new(store: Arc<dyn Store>, counters: Arc<Counters>) -> Self {
        let tail = Arc::new(Tail::start(Arc::clone(&store), Arc::clone(&counters)));
        Self {
            store,
            counters,
            workers: Arc::new(Workers::new()),
            answers: AnswerRoom::new(),
            tail,
            limits: Arc::new(RwLock::new(SEARCH_LIMITS)),
            alerts: None,
            otlp_http_port: None,
        }
    }

    /// Bounds each search from now on: it ends with what it found, and says where to go on.
    pub fn set_search_limits(&self, time: Duration, bytes: u64) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Limits { time, bytes };
    }

    fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, answering questions about alerts too.
    pub fn with_alerts(self, alerts: Alerts) -> Self {
        Self { alerts: Some(alerts), ..self }
    }

    /// The same, telling where spans are taken by OTLP/HTTP.
    pub fn with_otlp_http_port(self, port: u16) -> Self {
        Self { otlp_http_port: Some(port), ..self }
    }

    /// Ends every open tail, so that a server which waits for its connections can stop.
    pub fn end_tails(&self) {
        self.tail.end();
    }
}

/// Reads a TraceQL query and runs it on spans made of any bytes; the column of the mistake where it is none.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn try_traceql(text: &str, spans: &[u8]) -> Result<(), usize> {
    traceql::generated::try_out(text, spans).map_err(|error| error.column)
}

/// Every path of the HTTP address.
pub fn router(state: QueryState) -> Router {
    operation::all()
        .into_iter()
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.handler))
        .merge(jaeger::router())
        .merge(tempo::router())
        .nest("/jaeger", jaeger::router())
        .nest("/tempo", tempo::whole_router())
        .fallback(page::serve)
        .method_not_allowed_fallback(refuse_other_method)
        .layer(from_fn(set_headers))
        .with_state(state)
}

/// Every path of the HTTP address until the log has been replayed: the process lives, and is not ready.
pub fn router_of_replay() -> Router {
    Router::new()
        .route("/healthz", get(status::alive))
        .fallback(status::replaying)
        .method_not_allowed_fallback(refuse_method)
        .layer(from_fn(set_headers))
}

/// The router itself names in `allow` how this path may be asked.
async fn refuse_other_method(method: Method) -> Response {
    let words = format!("{method} is not supported here; the header `allow` names what is");
    let mut response = Problem::method_not_allowed(words).into_response();
    response.headers_mut().remove(ALLOW);
    response
}

async fn refuse_method(method: Method) -> Problem {
    Problem::method_not_allowed(format!("{method} is not supported here; use GET"))
}

/// Nothing is guessed from content, no trace id leaves in a referrer, and answers are kept only where a handler says so.
async fn set_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let defaults: [(HeaderName, &str); 3] =
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")];
    for (name, value) in defaults {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
