//! The state that every handler can read.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use sonnette::Sonnette;
use sonnette::domain::{DialectName, Organizer, Token, TokenHash, TokenId};
use sonnette::engine::sender::AllowTarget;
use sonnette::engine::{KeyedSemaphore, Permit, RegistrySnapshot};
use sonnette::store::{Store, StoreError};
use tokio::time::timeout;
use url::Url;

use super::activity_broadcast::ActivityBroadcast;
use super::body_memory::BodyMemory;
use super::client_key::ClientKey;
use super::error::ApiError;
use super::limits::EdgeLimits;
use super::login_throttle::Throttles;
use super::readiness::Readiness;
use super::requester::Requester;
use super::running_idempotency_keys::RunningKeys;
use super::token_use::TokenUses;

/// How often a request polls whether its change is published: for one second.
const MAX_PUBLICATION_POLLS: u32 = 50;
/// The time between two polls.
const PUBLICATION_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Open event streams of pages; a page beyond that is reloaded by hand.
const MAX_LIVE_PAGES: usize = 1_000;
/// Open event streams of one session.
const MAX_LIVE_PAGES_PER_SESSION: usize = 20;

/// Reads of the store that run at a time. Publications and scans have limits of their own.
const MAX_READS: usize = 8;
/// Changes of settings and other writes that run at a time; the store makes one after the other.
const MAX_WRITES: usize = 4;
/// How long a request waits for its permit until it is answered 503.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Permits for work on the store: so many at a time. A requester holds three quarters of them at most, so that the others
/// do not wait for the end of long work.
fn store_permits(max: usize) -> KeyedSemaphore<Requester> {
    // The requests that wait are bounded by the connections and by `PERMIT_TIMEOUT`.
    KeyedSemaphore::with_queue(max, (max * 3).div_ceil(4), usize::MAX)
}

/// Waits for the permit of a piece of work on the store.
async fn acquire(permits: &KeyedSemaphore<Requester>) -> Result<Permit<Requester>, ApiError> {
    let permit = timeout(PERMIT_TIMEOUT, permits.acquire(Requester::current())).await;
    permit.ok().flatten().ok_or(ApiError::Unavailable)
}

/// Permits for the event streams of open pages, by session.
fn live_page_permits() -> KeyedSemaphore<TokenHash> {
    KeyedSemaphore::new(MAX_LIVE_PAGES, MAX_LIVE_PAGES_PER_SESSION)
}

/// The settings that handlers need.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// The public URL for links. `None`: taken from each request.
    pub(crate) public_url: Option<Url>,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Whether a new `http` target is refused.
    pub(crate) require_https: bool,
    /// Targets that are allowed although their addresses are not public.
    pub(crate) allow_target: Vec<AllowTarget>,
    /// Bytes of the body of a publication.
    pub(crate) max_publish_body_bytes: usize,
    /// Bytes of any other body.
    pub(crate) max_body_bytes: usize,
    /// How often uses of tokens are stored.
    pub(crate) token_use_interval: Duration,
    /// Origins that may embed an organizer's pages in a frame.
    pub(crate) embed_origins: Vec<String>,
    /// Whether a mail server is set.
    pub(crate) has_mail_server: bool,
    /// Days that attempts are kept.
    pub(crate) log_days: u64,
    /// The end of the names of cookies. A browser sends the cookies of a host to all of its ports.
    pub(crate) cookie_suffix: String,
    /// Bytes of a receiver's response that are kept.
    pub(crate) response_limit: usize,
    /// The bounds of connections, requests and streams.
    pub(crate) limits: EdgeLimits,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            require_https: false,
            allow_target: Vec::new(),
            max_publish_body_bytes: 16 << 20,
            max_body_bytes: 1 << 20,
            token_use_interval: Duration::from_secs(30),
            embed_origins: Vec::new(),
            has_mail_server: false,
            log_days: 30,
            cookie_suffix: String::new(),
            response_limit: 65_536,
            limits: EdgeLimits::default(),
        }
    }
}

/// The state that every handler can read. It is cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// The content of an [`AppState`].
pub(crate) struct Inner {
    /// The engine.
    pub(crate) sonnette: Arc<Sonnette>,
    /// The settings.
    pub(crate) settings: HttpSettings,
    /// When tokens were used.
    pub(crate) token_uses: TokenUses,
    /// Idempotency keys whose first request is running.
    pub(crate) running_keys: RunningKeys,
    /// Limits of log-in attempts.
    pub(crate) throttles: Throttles,
    /// Turns of the work that reads the store.
    reads: KeyedSemaphore<Requester>,
    /// Turns of the work that writes the store.
    writes: KeyedSemaphore<Requester>,
    /// Whether the store can be used.
    pub(crate) readiness: Arc<Readiness>,
    /// Permits of the requests that are being answered.
    pub(crate) client_requests: KeyedSemaphore<ClientKey>,
    /// The bytes of request bodies.
    pub(crate) body_memory: Arc<BodyMemory>,
    /// Passes the engine's activity to event streams.
    pub(crate) activity_broadcast: ActivityBroadcast,
    /// Permits of the open event streams of the API.
    pub(crate) streams: KeyedSemaphore<TokenId>,
    /// Permits of the pages with an open event stream.
    pub(crate) live_pages: KeyedSemaphore<TokenHash>,
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    /// A state over a running engine. Must be called on the runtime of the program.
    pub(crate) fn new(sonnette: Arc<Sonnette>, settings: HttpSettings) -> Self {
        let limits = &settings.limits;
        Self(Arc::new(Inner {
            readiness: Readiness::new(sonnette.store().clone()),
            sonnette,
            client_requests: KeyedSemaphore::new(usize::MAX, limits.max_client_requests),
            body_memory: BodyMemory::new(
                limits.max_body_memory_bytes,
                limits.max_client_body_memory_bytes(),
            ),
            activity_broadcast: ActivityBroadcast::start(),
            streams: KeyedSemaphore::new(limits.max_streams, limits.max_client_streams),
            settings,
            token_uses: TokenUses::default(),
            running_keys: RunningKeys::default(),
            throttles: Throttles::default(),
            reads: store_permits(MAX_READS),
            writes: store_permits(MAX_WRITES),
            live_pages: live_page_permits(),
        }))
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.sonnette.clock().now()
    }

    /// The registry with every change that is committed, including those of other processes.
    pub(crate) async fn refresh(&self) -> Result<Arc<RegistrySnapshot>, ApiError> {
        Ok(self.sonnette.refresh().await?)
    }

    /// Loads the change of a webhook into the registry and, for organizers whose dialect publishes such changes, waits
    /// until it is published: then it reaches the webhooks that match when the request is answered, and none that is
    /// created afterwards. After a second the request is answered anyway, and the change is published later.
    pub(crate) async fn wait_until_published(&self, organizer: &Organizer) -> Result<(), ApiError> {
        self.refresh().await?;
        if !organizer.dialects.contains(&DialectName::Creads) {
            return Ok(());
        }
        for _ in 0..MAX_PUBLICATION_POLLS {
            if self
                .read(|store| store.pending_webhook_changes(1))
                .await?
                .is_empty()
            {
                break;
            }
            tokio::time::sleep(PUBLICATION_POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Makes a change on a thread that may block, and loads it into the registry.
    ///
    /// # Errors
    /// Where the registry cannot be loaded. The result of the change is inside.
    pub(crate) async fn change<T, E>(
        &self,
        change: impl FnOnce(&dyn Store, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, ApiError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let sonnette = self.sonnette.clone();
        let permit = acquire(&self.writes).await?;
        let changed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            change(sonnette.store().as_ref(), sonnette.clock().now())
        });
        let changed = changed.await?;
        self.refresh().await?;
        Ok(changed)
    }

    /// Runs `work` that only reads on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.run(&self.reads, work).await
    }

    /// Runs `work` that writes on a thread that may block. Writes that wait for the store delay no reads.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.run(&self.writes, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        permits: &KeyedSemaphore<Requester>,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = self.sonnette.store().clone();
        let permit = acquire(permits).await?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work ends, although the client may have disconnected.
            let _permit = permit;
            work(store.as_ref())
        });
        Ok(done.await??)
    }

    /// When a token was last used, to the minute.
    pub(crate) fn last_used(&self, token: &Token) -> Option<Timestamp> {
        token.last_used.max(self.token_uses.last(token.id))
    }

    /// Records that a token was used, and from time to time stores all uses.
    pub(crate) fn record_token_use(&self, token: TokenId) {
        if self
            .token_uses
            .record(token, self.now(), self.settings.token_use_interval)
        {
            let state = self.clone();
            tokio::task::spawn_blocking(move || state.flush_token_use());
        }
    }

    /// Stores when tokens were used. Blocks.
    pub(crate) fn flush_token_use(&self) {
        let used = self.token_uses.take_unstored();
        if used.is_empty() {
            return;
        }
        if let Err(error) = self.sonnette.store().record_token_uses(&used) {
            tracing::warn!(%error, "the times of the last uses of tokens cannot be stored: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use sonnette::domain::OrganizerId;
    use tokio::time::Instant;

    use super::*;

    /// A permit for the requests of an organizer.
    async fn acquire_for(
        permits: &KeyedSemaphore<Requester>,
        organizer: i64,
    ) -> Result<Permit<Requester>, ApiError> {
        let requester = Requester::Organizer(OrganizerId(organizer));
        requester.scope(acquire(permits)).await
    }

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the paused clock of the runtime is what is tested"
    )]
    async fn a_request_waits_ten_seconds_for_its_turn_at_the_store() {
        for (max, max_of_organizer) in [(MAX_READS, 6), (MAX_WRITES, 3)] {
            let permits = store_permits(max);
            let start = Instant::now();
            let mut held = Vec::new();
            for _ in 0..max_of_organizer {
                held.push(acquire_for(&permits, 1).await.unwrap());
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
            // The organizer has its share; others still have room.
            let refused = acquire_for(&permits, 1).await.err();
            assert_eq!(refused, Some(ApiError::Unavailable));
            assert_eq!(start.elapsed(), Duration::from_secs(10));
            for organizer in max_of_organizer..max {
                let organizer = i64::try_from(organizer).unwrap();
                held.push(acquire_for(&permits, organizer).await.unwrap());
            }
            assert_eq!(start.elapsed(), Duration::from_secs(10));
            let refused = acquire_for(&permits, 99).await.err();
            assert_eq!(refused, Some(ApiError::Unavailable));
            assert_eq!(start.elapsed(), Duration::from_secs(20));
            held.pop();
            assert!(acquire_for(&permits, 99).await.is_ok());
            assert_eq!(start.elapsed(), Duration::from_secs(20));
        }
    }

    #[test]
    fn a_thousand_pages_update_themselves_twenty_of_a_session() {
        let permits = live_page_permits();
        let session = |number: u8| {
            let mut hash = TokenHash::default();
            hash[0] = number;
            hash
        };
        let mut held = Vec::new();
        for number in 0..50 {
            held.extend((0..20).map(|_| permits.try_acquire(session(number)).unwrap()));
            assert!(permits.try_acquire(session(number)).is_none());
        }
        assert_eq!(held.len(), 1_000);
        assert!(permits.try_acquire(session(50)).is_none());
        held.pop();
        assert!(permits.try_acquire(session(50)).is_some());
    }
}
