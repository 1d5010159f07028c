//! Accepts HTTP/1.1 connections and serves their requests within the bounds of `limits`.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt::set_socket_send_buffer_size;
use sonnette::domain::Scope;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::authorization_header::token_of;
use super::client_address::{client_address, is_trusted, network_of};
use super::client_key::ClientKey;
use super::connection_table::{ConnectionGuard, ConnectionTable};
use super::counted_body::{self, BodyLimits};
use super::error::ApiError;
use super::lazy_timer::LazyTimer;
use super::limits::LimitExceeded;
use super::normalize::serve_normalized;
use super::requester::Requester;
use super::state::AppState;
use super::timed_stream::TimedStream;
use crate::credentials::token_hash;

/// Bytes of a request header.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Bytes of an answer that the kernel keeps for a client that does not read, without its own bookkeeping. A client at the
/// least rate reads a third of them in less than a transfer timeout, so that progress is seen.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Connections that the kernel keeps until they are accepted; a client beyond them tries again only after a second.
const ACCEPT_BACKLOG: i32 = 4_096;
/// The pause after a failed accept, for example without free file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How long responses may be sent after the engine has stopped.
const FINAL_RESPONSE_TIMEOUT: Duration = Duration::from_millis(300);
/// The probes are answered beyond every limit.
const PROBE_PATHS: [&str; 2] = ["/healthz", "/readyz"];

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
    /// The bounds and what is counted for them.
    pub(crate) state: AppState,
    /// The open connections, shared by all threads.
    pub(crate) connections: Arc<ConnectionTable>,
    /// The state of the shutdown.
    pub(crate) phase: watch::Receiver<ShutdownPhase>,
}

impl ConnectionServer {
    /// Accepts connections until the shutdown begins, then waits for the open ones.
    pub(crate) async fn serve(mut self, listener: TcpListener) -> io::Result<()> {
        rustix::net::listen(&listener, ACCEPT_BACKLOG)?;
        // Connections inherit the size.
        set_socket_send_buffer_size(&listener, SEND_BUFFER_BYTES)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let graceful = GracefulShutdown::new();
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener) => accepted,
                _ = phase.wait_for(|p| *p >= ShutdownPhase::Stopping) => break,
            };
            let Some((stream, peer)) = accepted else {
                continue;
            };
            let Some(guard) = self.connections.admit(self.client_of(peer)) else {
                continue;
            };
            // Without the option a response is only sent a little later.
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve_connection(
                self.clone(),
                stream,
                peer,
                Arc::new(guard),
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

    /// The client that a new connection is counted for. A trusted proxy connects for many.
    fn client_of(&self, peer: SocketAddr) -> Option<ClientKey> {
        let address = peer.ip();
        let is_proxy = is_trusted(&self.state.settings, address);
        (!is_proxy).then(|| ClientKey::Network(network_of(address)))
    }
}

async fn accept(listener: &tokio::net::TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted: {error}");
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            None
        }
    }
}

async fn serve_connection(
    server: ConnectionServer,
    stream: TcpStream,
    peer: SocketAddr,
    guard: Arc<ConnectionGuard>,
    watcher: Watcher,
) {
    let limits = &server.state.settings.limits;
    let stream = TimedStream::new(
        stream,
        guard.clone(),
        limits.transfer_timeout,
        limits.min_bytes_per_timeout(),
    );
    let mut builder = http1::Builder::new();
    builder
        .timer(LazyTimer)
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEADER_BYTES);
    let connection = guard.connection.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (server, guard) = (server.clone(), guard.clone());
        async move { Ok::<_, Infallible>(serve_request(server, guard, peer, request).await) }
    });
    let serving = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = serving => result,
        () = connection.wait_for_eviction() => {
            tracing::debug!(%peer, "the connection of {peer} gives way to a new one");
            return;
        }
    };
    // The client has disconnected, is too slow, or does not speak HTTP.
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "the connection of {peer} ended early: {error}");
    }
}

async fn serve_request(
    server: ConnectionServer,
    guard: Arc<ConnectionGuard>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Response {
    let connection = guard.connection.clone();
    connection.set_busy();
    let mut response = serve_bounded(server, &guard, peer, request).await;
    if connection.is_evicted() || connection.refusal().is_some() {
        close_after(&mut response);
    }
    response.map(|body| Body::new(ResponseBody { body, guard }))
}

/// Serves a request if its client has a share left.
async fn serve_bounded(
    mut server: ConnectionServer,
    guard: &Arc<ConnectionGuard>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Response {
    if PROBE_PATHS.contains(&request.uri().path()) {
        return serve_normalized(&mut server.router, request.map(|_| Body::empty())).await;
    }
    let state = server.state.clone();
    let (client, requester) = client_of_request(&state, request.headers(), peer.ip());
    let refusal = guard.connection.refusal().or_else(|| {
        let is_within_share = guard.table().assign_client(&guard.connection, client);
        (!is_within_share).then_some(LimitExceeded::Client)
    });
    if let Some(exceeded) = refusal {
        let mut response = ApiError::Overloaded(exceeded).into_response();
        close_after(&mut response);
        return response;
    }
    let Some(_permit) = state.client_requests.try_acquire(client) else {
        return ApiError::Overloaded(LimitExceeded::Client).into_response();
    };
    if request.body().is_end_stream() {
        let request = request.map(|_| Body::empty());
        let response = serve_normalized(&mut server.router, request);
        return requester.scope(response).await;
    }
    let limits = &state.settings.limits;
    let bounds = BodyLimits {
        reservation: state.body_memory.reserve(client),
        guard: guard.clone(),
        timeout: limits.transfer_timeout,
        min_bytes: limits.min_bytes_per_timeout(),
    };
    let response = serve_with_body(&mut server.router, bounds, request);
    requester.scope(response).await
}

/// The client of a request, and for whom it uses the store. The token is looked up in memory, so one that was created a
/// moment ago may be unknown.
fn client_of_request(
    state: &AppState,
    headers: &HeaderMap,
    peer: IpAddr,
) -> (ClientKey, Requester) {
    let authorization = headers.get(header::AUTHORIZATION);
    let token = authorization.and_then(|value| {
        let text = token_of(Some(value.as_bytes())).ok()?;
        let registry = state.sonnette.registry();
        let token = registry.token(&token_hash(text))?;
        let organizer = match token.scope {
            Scope::Organizer(organizer, _) => Some(organizer),
            Scope::Operator => None,
        };
        token.active.then_some((token.id, organizer))
    });
    let client = token.map_or_else(
        || ClientKey::Network(network_of(client_address(&state.settings, headers, peer))),
        |(id, _)| ClientKey::Token(id),
    );
    let organizer = token.and_then(|(_, organizer)| organizer);
    (
        client,
        organizer.map_or(Requester::Client(client), Requester::Organizer),
    )
}

async fn serve_with_body(
    router: &mut Router,
    limits: BodyLimits,
    request: hyper::Request<Incoming>,
) -> Response {
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let (body, unread) = counted_body::split(body, limits);
    let response = serve_normalized(router, hyper::Request::from_parts(head, body)).await;
    let response = match unread.take_error() {
        None => response,
        Some(error @ ApiError::TooSlow) => {
            let mut response = error.into_response();
            close_after(&mut response);
            return response;
        }
        Some(error) => error.into_response(),
    };
    unread.discard(expects_continue).await;
    response
}

fn close_after(response: &mut Response) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

/// The body of a response; when hyper has taken all of it, the connection is idle.
struct ResponseBody {
    body: Body,
    guard: Arc<ConnectionGuard>,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.guard.set_idle();
    }
}
