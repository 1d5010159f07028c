//! The open connections of a lane, kept for its next requests.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::connection::{Http1, Http2, Live};
use super::prepared_webhook::Origin;

/// The most idle HTTP/1.1 connections that are kept.
const MAX_IDLE: usize = 64;
/// How many connections of a lane may be in the making: a burst of them overflows the receiver's accept queue, and TCP
/// then loses a whole second.
const MAX_OPENING: usize = 8;

/// The open connections of one lane. A connection serves only the scheme, host and port that it was made for.
pub struct Connections {
    kept: Mutex<Kept>,
    opening: Semaphore,
}

#[derive(Default)]
struct Kept {
    idle: Vec<Entry<Http1>>,
    shared: Option<Entry<Http2>>,
}

struct Entry<C> {
    origin: Arc<Origin>,
    connection: C,
    used: Instant,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            opening: Semaphore::new(MAX_OPENING),
        }
    }
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes those not used for `older_than`.
    pub fn close_idle(&self, older_than: Duration) {
        let mut kept = self.kept.lock();
        kept.idle.retain(|entry| entry.used.elapsed() < older_than);
        kept.shared = kept
            .shared
            .take()
            .filter(|entry| entry.used.elapsed() < older_than);
    }

    /// How many are kept: idle ones of HTTP/1.1, and one of HTTP/2.
    pub fn count(&self) -> usize {
        let kept = self.kept.lock();
        kept.idle.len() + usize::from(kept.shared.is_some())
    }

    /// A connection to `origin` that looks usable, the one used last first. Those to other origins are closed.
    pub(super) async fn take(&self, origin: &Arc<Origin>) -> Option<Live> {
        loop {
            match self.take_any(origin)? {
                Live::One(mut connection) => {
                    if connection.is_ready().await {
                        return Some(Live::One(connection));
                    }
                }
                shared @ Live::Two(_) => return Some(shared),
            }
        }
    }

    fn take_any(&self, origin: &Arc<Origin>) -> Option<Live> {
        if let Some(shared) = self.shared(origin) {
            return Some(shared);
        }
        let mut kept = self.kept.lock();
        while let Some(entry) = kept.idle.pop() {
            if entry.origin == *origin {
                return Some(Live::One(entry.connection));
            }
        }
        None
    }

    /// The HTTP/2 connection to `origin`, if there is one. One to another origin is closed.
    pub(super) fn shared(&self, origin: &Arc<Origin>) -> Option<Live> {
        let mut kept = self.kept.lock();
        kept.shared = kept
            .shared
            .take()
            .filter(|entry| entry.origin == *origin && !entry.connection.is_closed());
        let entry = kept.shared.as_mut()?;
        entry.used = Instant::now();
        Some(Live::Two(entry.connection.clone()))
    }

    /// Waits for leave to open one more.
    pub(super) async fn may_open(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so that there always is a permit in the end.
        self.opening.acquire().await.ok()
    }

    /// Shares a connection that was just opened, if it can be shared.
    pub(super) fn share(&self, origin: &Arc<Origin>, connection: &Live) {
        if let Live::Two(connection) = connection {
            let entry = Entry {
                origin: origin.clone(),
                connection: connection.clone(),
                used: Instant::now(),
            };
            self.kept.lock().shared = Some(entry);
        }
    }

    /// Shares a connection no longer that turned out closed.
    pub(super) fn forget(&self, connection: &Live) {
        if let Live::Two(closed) = connection {
            let mut kept = self.kept.lock();
            kept.shared = kept
                .shared
                .take()
                .filter(|entry| !entry.connection.is_same(closed));
        }
    }

    /// Keeps a connection whose answer has been read to the end, if it can serve again.
    pub(super) async fn give_back(&self, origin: &Arc<Origin>, connection: Live) {
        if let Live::One(mut connection) = connection
            && connection.is_ready().await
        {
            let mut kept = self.kept.lock();
            if kept.idle.len() < MAX_IDLE {
                kept.idle.push(Entry {
                    origin: origin.clone(),
                    connection,
                    used: Instant::now(),
                });
            }
        }
    }
}
