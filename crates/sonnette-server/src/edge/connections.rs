//! The accept loop: HTTP/1.1 connections, bounded in number, in header size and in the time a header may take.

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

use super::unread_body;
use crate::edge::normalize::enter;

/// Within this a request's header must have come, and a kept connection's next one must have begun.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// No header may be larger than this.
const HEADER_SIZE: usize = 64 * 1024;
/// After a failed accept (no file descriptors left) the next one waits.
const BREATH: Duration = Duration::from_millis(100);
/// Answers that are ready when the engine has stopped still get so long to leave.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How far shutting down has come; the edge watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    /// Requests are taken.
    Serving,
    /// No new connections; requests that have begun are answered.
    Stopping,
    /// The engine has stopped: what is still open is broken off.
    Stopped,
}

/// What one thread of the edge needs.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) router: Router,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Edge {
    /// Takes connections until told to stop, then sees to those that are open.
    pub(crate) async fn serve(mut self, listener: TcpListener) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let graceful = GracefulShutdown::new();
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                _ = phase.wait_for(|p| *p >= Phase::Stopping) => break,
            };
            let Some((stream, peer, permit)) = accepted else {
                continue;
            };
            // Without it an answer merely comes a little later.
            let _ = stream.set_nodelay(true);
            let router = self.router.clone();
            tokio::spawn(connection(stream, peer, router, permit, graceful.watcher()));
        }
        drop(listener);
        let broken_off = async {
            // A closed channel means that nobody waits any more.
            let _ = self.phase.wait_for(|p| *p == Phase::Stopped).await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = graceful.shutdown() => {}
            () = broken_off => {}
        }
        Ok(())
    }

    /// The next connection, once there is room for one.
    async fn accept(
        &self,
        listener: &tokio::net::TcpListener,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = self.connections.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                None
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    permit: OwnedSemaphorePermit,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_SIZE);
    let serving = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    // The client went away, or sent no HTTP: nothing to be done about either.
    if let Err(error) = serving.await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    drop(permit);
}

async fn answer(mut router: Router, request: hyper::Request<Incoming>) -> Response {
    if request.body().is_end_stream() {
        return enter(&mut router, request).await;
    }
    let asks_first = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let (body, leftover) = unread_body::share(body);
    let response = enter(&mut router, hyper::Request::from_parts(head, body)).await;
    leftover.discard(asks_first).await;
    response
}
