//! Accepts HTTP/1.1 connections. Their number, the size of a header and the time to send it are bounded.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::header;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::normalize::serve_normalized;
use super::unread_body;

/// How long a client may take to send a header; also how long a kept-alive connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request header.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The pause after a failed accept, for example without free file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How long responses may be sent after the engine has stopped.
const FINAL_RESPONSE_TIMEOUT: Duration = Duration::from_millis(300);

/// How far the shutdown of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum ShutdownPhase {
    /// Connections are accepted.
    Serving,
    /// No connection is accepted; running requests are answered.
    Stopping,
    /// The engine has stopped; open connections are closed.
    Stopped,
}

/// Serves the connections of one listener on one thread.
#[derive(Clone)]
pub(crate) struct ConnectionServer {
    /// Serves every request.
    pub(crate) router: Router,
    /// One permit per connection, shared by all threads.
    pub(crate) connections: Arc<Semaphore>,
    /// The state of the shutdown.
    pub(crate) phase: watch::Receiver<ShutdownPhase>,
}

impl ConnectionServer {
    /// Accepts connections until the shutdown begins, then waits for the open ones.
    pub(crate) async fn serve(mut self, listener: TcpListener) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let graceful = GracefulShutdown::new();
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                _ = phase.wait_for(|p| *p >= ShutdownPhase::Stopping) => break,
            };
            let Some((stream, peer, permit)) = accepted else {
                continue;
            };
            // Without the option a response is only sent a little later.
            let _ = stream.set_nodelay(true);
            let router = self.router.clone();
            tokio::spawn(serve_connection(
                stream,
                peer,
                router,
                permit,
                graceful.watcher(),
            ));
        }
        drop(listener);
        let engine_stopped = async {
            // A closed channel means that the server is gone.
            let _ = self.phase.wait_for(|p| *p == ShutdownPhase::Stopped).await;
            tokio::time::sleep(FINAL_RESPONSE_TIMEOUT).await;
        };
        tokio::select! {
            () = graceful.shutdown() => {}
            () = engine_stopped => {}
        }
        Ok(())
    }

    /// The next connection, as soon as fewer than the maximum are open.
    async fn accept(
        &self,
        listener: &tokio::net::TcpListener,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = self.connections.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted: {error}");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                None
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    permit: OwnedSemaphorePermit,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move { Ok::<_, Infallible>(serve_request(router, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES);
    let serving = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    // The client has disconnected or does not speak HTTP.
    if let Err(error) = serving.await {
        tracing::debug!(%peer, %error, "the connection of {peer} ended early: {error}");
    }
    drop(permit);
}

async fn serve_request(mut router: Router, request: hyper::Request<Incoming>) -> Response {
    if request.body().is_end_stream() {
        return serve_normalized(&mut router, request).await;
    }
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let (body, unread) = unread_body::split(body);
    let response = serve_normalized(&mut router, hyper::Request::from_parts(head, body)).await;
    unread.discard(expects_continue).await;
    response
}
