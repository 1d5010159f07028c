//! An HTTP/2 server made with hyper.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::receiver_state::{ReceivedRequest, ReceiverState};
use super::scripted_response::ResponseMode;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TlsStream<TcpStream>, shared: Arc<ReceiverState>, number: usize) {
    let service = service_fn(|request| answer(request, shared.clone(), number));
    // An error means that the client has disconnected.
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test may pause the time of the runtime"
)]
async fn answer(
    request: Request<Incoming>,
    shared: Arc<ReceiverState>,
    connection: usize,
) -> Result<Response<Full<Bytes>>, Fault> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    let answer = shared.record_request(ReceivedRequest {
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers,
        body,
        connection,
        http2: true,
        at: Instant::now(),
    });
    answer.wait().await;
    match answer.mode {
        ResponseMode::Whole => {}
        ResponseMode::Silence => std::future::pending().await,
        _ => return Err("the script aborts the response".into()),
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(answer.body))?)
}
