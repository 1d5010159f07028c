//! The accept loop: HTTP/1.1 connections with a bound on their number, on the header size and on the header's read time.

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

use super::normalize::enter;
use super::unread_body;

/// Maximum time to read a request header. It also bounds how long a kept connection may be idle.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a request header in bytes.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Pause after a failed accept, for example when no file descriptors are left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How long responses may still be written after the engine has stopped.
const FINAL_WRITE_TIMEOUT: Duration = Duration::from_millis(300);

/// The progress of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum ShutdownPhase {
    /// Requests are accepted.
    Serving,
    /// No new connections are accepted; requests that have begun are answered.
    Stopping,
    /// The engine has stopped; connections that are still open are closed.
    Stopped,
}

/// The HTTP server of one thread. Clones share the connection limit.
#[derive(Clone)]
pub(crate) struct HttpServer {
    pub(crate) router: Router,
    /// One permit per open connection.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) phase: watch::Receiver<ShutdownPhase>,
}

impl HttpServer {
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
            // Without TCP_NODELAY a response only arrives a little later.
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
        let stopped = async {
            // An error means that the sender is gone, so nobody waits for the responses.
            let _ = self.phase.wait_for(|p| *p == ShutdownPhase::Stopped).await;
            tokio::time::sleep(FINAL_WRITE_TIMEOUT).await;
        };
        tokio::select! {
            () = graceful.shutdown() => {}
            () = stopped => {}
        }
        Ok(())
    }

    /// Accepts the next connection, once a permit is free.
    async fn accept(
        &self,
        listener: &tokio::net::TcpListener,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = self.connections.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection: {error}");
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
        async move { Ok::<_, Infallible>(respond(router, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES);
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    // The client disconnected or sent no HTTP: the server can do nothing about either.
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "the connection from {peer} ended early: {error}");
    }
    drop(permit);
}

async fn respond(mut router: Router, request: hyper::Request<Incoming>) -> Response {
    if request.body().is_end_stream() {
        return enter(&mut router, request).await;
    }
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let (body, unread) = unread_body::split(body);
    let response = enter(&mut router, hyper::Request::from_parts(head, body)).await;
    unread.discard(expects_continue).await;
    response
}
