//! The open connections of a lane, kept for its next requests.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::connection::Connection;
use super::http1::Http1Connection;
use super::http2::Http2Connection;
use super::prepared_webhook::Origin;
use crate::engine::monotonic_clock;

/// The most idle HTTP/1.1 connections that are kept.
const MAX_IDLE_CONNECTIONS: usize = 64;
/// Connections of a lane that are being opened at a time. A burst of them can overflow the accept queue of the receiver,
/// and TCP then waits for a second.
const MAX_CONCURRENT_CONNECTS: usize = 8;

/// The open connections of one lane. A connection serves only the scheme, host and port that it was made for.
pub struct ConnectionPool {
    state: Mutex<PoolState>,
    connecting: Semaphore,
}

#[derive(Default)]
struct PoolState {
    idle: Vec<PooledConnection<Http1Connection>>,
    http2: Option<PooledConnection<Http2Connection>>,
}

struct PooledConnection<C> {
    origin: Arc<Origin>,
    connection: C,
    last_used_at: Instant,
}

impl Default for ConnectionPool {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            connecting: Semaphore::new(MAX_CONCURRENT_CONNECTS),
        }
    }
}

impl ConnectionPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes the connections that were not used for `older_than`.
    pub fn close_idle(&self, older_than: Duration) {
        let mut state = self.state.lock();
        state
            .idle
            .retain(|entry| entry.last_used_at.elapsed() < older_than);
        state.http2 = state
            .http2
            .take()
            .filter(|entry| entry.last_used_at.elapsed() < older_than);
    }

    /// The number of kept connections: idle ones of HTTP/1.1, and one of HTTP/2.
    pub fn count(&self) -> usize {
        let state = self.state.lock();
        state.idle.len() + usize::from(state.http2.is_some())
    }

    /// Takes a connection to `origin` that seems usable, the one used last first. Those to other origins are closed.
    pub(super) async fn take(&self, origin: &Arc<Origin>) -> Option<Connection> {
        loop {
            match self.take_unchecked(origin)? {
                Connection::Http1(mut connection) => {
                    if connection.is_ready().await {
                        return Some(Connection::Http1(connection));
                    }
                }
                shared @ Connection::Http2(_) => return Some(shared),
            }
        }
    }

    fn take_unchecked(&self, origin: &Arc<Origin>) -> Option<Connection> {
        if let Some(shared) = self.http2_connection(origin) {
            return Some(shared);
        }
        let mut state = self.state.lock();
        while let Some(entry) = state.idle.pop() {
            if entry.origin == *origin {
                return Some(Connection::Http1(entry.connection));
            }
        }
        None
    }

    /// The HTTP/2 connection to `origin`, if there is one. A connection to another origin is closed.
    pub(super) fn http2_connection(&self, origin: &Arc<Origin>) -> Option<Connection> {
        let mut state = self.state.lock();
        state.http2 = state
            .http2
            .take()
            .filter(|entry| entry.origin == *origin && !entry.connection.is_closed());
        let entry = state.http2.as_mut()?;
        entry.last_used_at = monotonic_clock::now();
        Some(Connection::Http2(entry.connection.clone()))
    }

    /// Waits for a permit to open a connection.
    pub(super) async fn connect_permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so that a permit is always returned.
        self.connecting.acquire().await.ok()
    }

    /// Adds a connection that was just opened, if it can be shared.
    pub(super) fn add_http2_connection(&self, origin: &Arc<Origin>, connection: &Connection) {
        if let Connection::Http2(connection) = connection {
            let entry = PooledConnection {
                origin: origin.clone(),
                connection: connection.clone(),
                last_used_at: monotonic_clock::now(),
            };
            self.state.lock().http2 = Some(entry);
        }
    }

    /// Removes a shared connection that takes no more requests.
    pub(super) fn remove_http2_connection(&self, connection: &Connection) {
        if let Connection::Http2(closed) = connection {
            let mut state = self.state.lock();
            state.http2 = state
                .http2
                .take()
                .filter(|entry| !entry.connection.is_same(closed));
        }
    }

    /// Keeps a connection whose response has been read to the end, if it can be reused.
    pub(super) fn put_back(&self, origin: &Arc<Origin>, connection: Connection) {
        if let Connection::Http1(connection) = connection
            && connection.is_reusable()
        {
            let mut state = self.state.lock();
            if state.idle.len() < MAX_IDLE_CONNECTIONS {
                state.idle.push(PooledConnection {
                    origin: origin.clone(),
                    connection,
                    last_used_at: monotonic_clock::now(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::engine::sender::stream::Stream;

    #[tokio::test]
    async fn few_idle_connections_are_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pool = ConnectionPool::new();
        let origin = Arc::new(Origin {
            host: "127.0.0.1".to_owned(),
            port: address.port(),
            tls: None,
        });
        for _ in 0..65 {
            let (stream, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            accepted.unwrap();
            let connection = Http1Connection::new(Stream::Plain(stream.unwrap()));
            pool.put_back(&origin, Connection::Http1(connection));
        }
        assert_eq!(pool.count(), 64);
        pool.close_idle(Duration::ZERO);
        assert_eq!(pool.count(), 0);
    }

    #[tokio::test]
    async fn few_connections_are_opened_at_a_time() {
        let pool = ConnectionPool::new();
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(pool.connect_permit().await.unwrap());
        }
        let mut next = pin!(pool.connect_permit());
        let mut context = Context::from_waker(Waker::noop());
        assert!(next.as_mut().poll(&mut context).is_pending());
        permits.pop();
        assert!(matches!(next.poll(&mut context), Poll::Ready(Some(_))));
    }
}
