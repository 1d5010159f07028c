//! The open connections: which of them are counted for whom, and which give way to new ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::client_key::ClientKey;
use super::limits::LimitExceeded;

/// Connections beyond the limits. They answer probes, and refuse everything else, so that a client learns why.
const RESERVED_CONNECTIONS: usize = 32;
/// The share of all connections that gives way at a time, so that not every new connection searches the table.
const EVICTION_DIVISOR: usize = 128;

/// The open connections of all threads.
pub(crate) struct ConnectionTable {
    max_connections: usize,
    max_client_connections: usize,
    /// Orders the connections by the time since when they wait.
    clock: AtomicU64,
    /// When a refusal was logged; 0: never.
    logged_at: AtomicU64,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    by_id: HashMap<u64, Arc<Connection>>,
    /// Clients without a connection have no entry.
    by_client: HashMap<ClientKey, usize>,
    reserved: usize,
}

/// An open connection.
pub(crate) struct Connection {
    id: u64,
    /// `None`: it is not counted for one client, since a proxy uses it for many.
    client: Mutex<Option<ClientKey>>,
    /// Why it is one of the reserved connections.
    refusal: Option<LimitExceeded>,
    /// Whether no request is being answered.
    is_idle: AtomicBool,
    /// Whether the server waits for the client to send a body or to read an answer.
    is_blocked: AtomicBool,
    /// When it became idle or blocked, on [`ConnectionTable::clock`].
    since: AtomicU64,
    is_evicted: AtomicBool,
    eviction: Notify,
}

/// Removes its connection from the table when it is dropped.
pub(crate) struct ConnectionGuard {
    table: Arc<ConnectionTable>,
    pub(crate) connection: Arc<Connection>,
}

impl ConnectionTable {
    /// Allows `max_connections` in all and `max_client_connections` for one client.
    pub(crate) fn new(max_connections: usize, max_client_connections: usize) -> Arc<Self> {
        Arc::new(Self {
            max_connections,
            max_client_connections,
            clock: AtomicU64::new(1),
            logged_at: AtomicU64::new(0),
            open: Mutex::default(),
        })
    }

    /// Adds a new connection. At a limit, connections that wait for their client give way, the oldest idle ones first.
    /// `None`: even the reserved connections are in use.
    pub(crate) fn admit(self: &Arc<Self>, client: Option<ClientKey>) -> Option<ConnectionGuard> {
        let mut open = self.open.lock();
        let has_share = client.is_none_or(|client| self.make_room_for(&mut open, client));
        let refusal = if !has_share {
            Some(LimitExceeded::Client)
        } else if !self.make_room(&mut open) {
            Some(LimitExceeded::Total)
        } else {
            None
        };
        if let Some(exceeded) = refusal {
            self.log_refusal(exceeded, client);
        }
        if refusal.is_some() && open.reserved >= RESERVED_CONNECTIONS {
            open.evict(1, |connection| connection.refusal.is_some());
            if open.reserved >= RESERVED_CONNECTIONS {
                return None;
            }
        }
        let since = self.next_sequence_number();
        let connection = Arc::new(Connection {
            id: since,
            client: Mutex::new(client.filter(|_| refusal.is_none())),
            refusal,
            is_idle: AtomicBool::new(true),
            is_blocked: AtomicBool::new(false),
            since: AtomicU64::new(since),
            is_evicted: AtomicBool::new(false),
            eviction: Notify::new(),
        });
        open.add(&connection);
        Some(ConnectionGuard {
            table: self.clone(),
            connection,
        })
    }

    /// Counts a connection for the client of its latest request. Returns false if the client has used up its share.
    pub(crate) fn assign_client(&self, connection: &Connection, client: ClientKey) -> bool {
        let current = *connection.client.lock();
        if current.is_none_or(|current| current == client) || !matches!(client, ClientKey::Token(_))
        {
            return true;
        }
        let mut open = self.open.lock();
        if !open.by_id.contains_key(&connection.id) {
            return true;
        }
        if !self.make_room_for(&mut open, client) {
            return false;
        }
        if let Some(previous) = connection.client.lock().replace(client) {
            open.remove_from_client(previous);
        }
        *open.by_client.entry(client).or_default() += 1;
        true
    }

    /// Logs that connections are refused, once in as many connections as may be open.
    fn log_refusal(&self, exceeded: LimitExceeded, client: Option<ClientKey>) {
        let (now, logged_at) = (
            self.next_sequence_number(),
            self.logged_at.load(Ordering::Relaxed),
        );
        if logged_at != 0 && now - logged_at < self.max_connections as u64 {
            return;
        }
        self.logged_at.store(now, Ordering::Relaxed);
        let (all, each) = (self.max_connections, self.max_client_connections);
        if let (LimitExceeded::Client, Some(client)) = (exceeded, client) {
            tracing::warn!(
                ?client,
                "connections of {client:?} are refused: it has {each} that are in use (max_client_connections)"
            );
        } else {
            tracing::warn!(
                "connections are refused: {all} are in use (max_connections), and none is idle"
            );
        }
    }

    fn make_room(&self, open: &mut OpenConnections) -> bool {
        let is_full = |open: &OpenConnections| open.unreserved_count() >= self.max_connections;
        if is_full(open) {
            let count = (self.max_connections / EVICTION_DIVISOR).max(1);
            open.evict(count, |connection| connection.refusal.is_none());
        }
        !is_full(open)
    }

    fn make_room_for(&self, open: &mut OpenConnections, client: ClientKey) -> bool {
        let is_full = |open: &OpenConnections| {
            open.by_client.get(&client).copied().unwrap_or(0) >= self.max_client_connections
        };
        if is_full(open) {
            let count = (self.max_client_connections / EVICTION_DIVISOR).max(1);
            open.evict(count, |connection| {
                *connection.client.lock() == Some(client)
            });
        }
        !is_full(open)
    }

    fn next_sequence_number(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

impl OpenConnections {
    fn unreserved_count(&self) -> usize {
        self.by_id.len() - self.reserved
    }

    fn add(&mut self, connection: &Arc<Connection>) {
        self.by_id.insert(connection.id, connection.clone());
        if connection.refusal.is_some() {
            self.reserved += 1;
        }
        if let Some(client) = *connection.client.lock() {
            *self.by_client.entry(client).or_default() += 1;
        }
    }

    /// Removes a connection, unless it has given way before.
    fn remove(&mut self, connection: &Connection) {
        if self.by_id.remove(&connection.id).is_none() {
            return;
        }
        if connection.refusal.is_some() {
            self.reserved -= 1;
        }
        if let Some(client) = connection.client.lock().take() {
            self.remove_from_client(client);
        }
    }

    fn remove_from_client(&mut self, client: ClientKey) {
        match self.by_client.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.by_client.remove(&client)),
        }
    }

    /// Makes up to `count` idle connections give way, the oldest first. If none is idle: the one that has waited longest
    /// for its client, those without a token first.
    fn evict(&mut self, count: usize, is_candidate: impl Fn(&Connection) -> bool) {
        let mut ranked: Vec<_> = self
            .by_id
            .values()
            .filter(|connection| is_candidate(connection))
            .filter_map(|connection| Some((connection.eviction_order()?, connection.clone())))
            .collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let idle = ranked.iter().filter(|((class, _), _)| *class == 0).count();
        for (_, connection) in ranked.into_iter().take(count.min(idle.max(1))) {
            self.remove(&connection);
            connection.is_evicted.store(true, Ordering::Release);
            connection.eviction.notify_one();
        }
    }
}

impl Connection {
    /// The order in which connections give way; `None` for those that do not.
    fn eviction_order(&self) -> Option<(u8, u64)> {
        let since = self.since.load(Ordering::Relaxed);
        if self.is_idle.load(Ordering::Acquire) {
            return Some((0, since));
        }
        if !self.is_blocked.load(Ordering::Acquire) {
            return None;
        }
        let has_token = matches!(*self.client.lock(), Some(ClientKey::Token(_)));
        Some((if has_token { 2 } else { 1 }, since))
    }

    /// Why only probes are answered on this connection.
    pub(crate) fn refusal(&self) -> Option<LimitExceeded> {
        self.refusal
    }

    /// Whether the connection is to be closed as soon as possible.
    pub(crate) fn is_evicted(&self) -> bool {
        self.is_evicted.load(Ordering::Acquire)
    }

    /// Completes when the connection must be closed at once: it has given way, and no request is being answered unless the
    /// client is waited for.
    pub(crate) async fn wait_for_eviction(&self) {
        loop {
            self.eviction.notified().await;
            let is_waiting =
                self.is_idle.load(Ordering::Acquire) || self.is_blocked.load(Ordering::Acquire);
            if self.is_evicted() && is_waiting {
                return;
            }
        }
    }

    /// Records that a request has begun.
    pub(crate) fn set_busy(&self) {
        self.is_idle.store(false, Ordering::Release);
    }
}

impl ConnectionGuard {
    /// The table of the connection.
    pub(crate) fn table(&self) -> &ConnectionTable {
        &self.table
    }

    /// Records that a request has been answered.
    pub(crate) fn set_idle(&self) {
        self.record_activity();
        self.connection.is_idle.store(true, Ordering::Release);
        if self.connection.is_evicted() {
            self.connection.eviction.notify_one();
        }
    }

    /// Records whether the server waits for the client.
    pub(crate) fn set_blocked(&self, is_blocked: bool) {
        if self.connection.is_blocked.load(Ordering::Relaxed) == is_blocked {
            return;
        }
        self.record_activity();
        self.connection
            .is_blocked
            .store(is_blocked, Ordering::Release);
        if is_blocked && self.connection.is_evicted() {
            self.connection.eviction.notify_one();
        }
    }

    fn record_activity(&self) {
        let now = self.table.next_sequence_number();
        self.connection.since.store(now, Ordering::Relaxed);
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.table.open.lock().remove(&self.connection);
    }
}

#[cfg(test)]
#[path = "connection_table_tests.rs"]
mod tests;
