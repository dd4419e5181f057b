//! The listening side of a service: HTTP/1.1 and gRPC on one port, turned into requests to work on.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;

use crate::raw::RawCodec;
use crate::work::{Answer, Shop};

/// As many as the proxies let through.
const MAX_HEADERS: usize = 200;

/// Listens and answers until the process is stopped; says on standard output when it is ready.
pub(crate) async fn serve(listen: SocketAddr, shop: Arc<Shop>) -> Result<()> {
    let listener =
        tokio::net::TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
    println!("{} listening on {listen}", shop.name());
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        stream.set_nodelay(true).context("nodelay")?;
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let shop = Arc::clone(&shop);
                async move { answer(shop, request).await.ok_or("the service is gone") }
            });
            let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            builder.http1().max_headers(MAX_HEADERS);
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection ended: {error}");
            }
        });
    }
}

/// `None` closes the connection.
async fn answer(shop: Arc<Shop>, request: Request<Incoming>) -> Option<Response<Body>> {
    let content_type = request.headers().get(http::header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        let path = request.uri().path().to_owned();
        return Some(tonic::server::Grpc::new(RawCodec).unary(GrpcEndpoint { shop, path }, request).await);
    }
    Some(match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
        "/echo" => {
            shop.record_handled("/echo", request.headers(), 200);
            text(StatusCode::OK, header_list(request.headers()))
        }
        path => {
            let answer = shop.handle(path, request.headers()).await;
            if answer == Answer::Gone {
                return None;
            }
            let outcome = answer.http_status();
            shop.record_handled(path, request.headers(), outcome.as_u16());
            text(outcome, format!("{} answers {outcome}\n", shop.name()))
        }
    })
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response
}

/// The headers as a JSON array of name and value, each as often as it came; bytes that are no UTF-8 are replaced.
fn header_list(headers: &HeaderMap) -> String {
    let pairs =
        headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    serde_json::to_string(&pairs.collect::<Vec<_>>()).unwrap_or_default()
}

/// One gRPC call, whatever its method.
struct GrpcEndpoint {
    shop: Arc<Shop>,
    path: String,
}

impl tonic::server::UnaryService<Bytes> for GrpcEndpoint {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (shop, path) = (Arc::clone(&self.shop), self.path.clone());
        let headers = request.into_parts().0.into_headers();
        Box::pin(async move {
            let code = shop.handle(&path, &headers).await.grpc_code();
            shop.record_handled(&path, &headers, code as u16);
            match code {
                tonic::Code::Ok => Ok(tonic::Response::new(Bytes::new())),
                _ => Err(tonic::Status::new(code, format!("{} failed", shop.name()))),
            }
        })
    }
}
