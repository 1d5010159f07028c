//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use sonnette::Sonnette;
use sonnette::domain::{DialectName, Organizer, Token, TokenHash, TokenId};
use sonnette::engine::sender::AllowTarget;
use sonnette::engine::{KeyedSemaphore, RegistrySnapshot};
use sonnette::store::{Store, StoreError};
use url::Url;

use crate::edge::error::ApiError;
use crate::edge::idempotency::Running;
use crate::edge::throttle::Throttles;
use crate::edge::token_use::TokenUse;

/// How often an answer looks whether a change is published, and the time in between: a second in all.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Pages that are told of changes at the same time; those beyond poll.
const MAX_LIVE_PAGES: usize = 1_000;
/// Those of one session; a browser opens fewer.
const MAX_LIVE_PAGES_PER_SESSION: usize = 20;

/// What the routes need from the settings.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// How the outside reaches us; used in links. None: as the request says.
    pub(crate) public_url: Option<Url>,
    /// Whose `X-Forwarded-Proto` and `X-Forwarded-Host` are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Refuses `http` targets when a webhook is saved.
    pub(crate) require_https: bool,
    /// Targets that are called although their addresses are not public.
    pub(crate) allow_target: Vec<AllowTarget>,
    /// Bytes that the body of a publication may have.
    pub(crate) max_publish_body: usize,
    /// Bytes that any other body may have.
    pub(crate) max_body: usize,
    /// How often the times tokens were used are written down.
    pub(crate) flush_token_use: Duration,
    /// Origins of platforms that may show an organizer's pages in a frame.
    pub(crate) embed_origins: Vec<String>,
    /// Whether mail can be sent at all.
    pub(crate) mails: bool,
    /// For how many days the log is kept.
    pub(crate) log_days: u64,
    /// Bytes of an answer that the log keeps.
    pub(crate) response_limit: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            require_https: false,
            allow_target: Vec::new(),
            max_publish_body: 16 << 20,
            max_body: 1 << 20,
            flush_token_use: Duration::from_secs(30),
            embed_origins: Vec::new(),
            mails: false,
            log_days: 30,
            response_limit: 65_536,
        }
    }
}

/// What every handler can reach. Cheap to clone: each request does so more than once.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// What an [`AppState`] gives.
pub(crate) struct Inner {
    /// The engine.
    pub(crate) sonnette: Arc<Sonnette>,
    /// The settings.
    pub(crate) settings: HttpSettings,
    /// When tokens were used.
    pub(crate) token_use: TokenUse,
    /// Requests under way that have an idempotency key.
    pub(crate) running: Running,
    /// How often somebody may try to log in.
    pub(crate) throttles: Throttles,
    /// Room for pages that are told when something changes.
    pub(crate) viewers: KeyedSemaphore<TokenHash>,
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    /// A state over a running engine.
    pub(crate) fn new(sonnette: Arc<Sonnette>, settings: HttpSettings) -> Self {
        Self(Arc::new(Inner {
            sonnette,
            settings,
            token_use: TokenUse::default(),
            running: Running::default(),
            throttles: Throttles::default(),
            viewers: KeyedSemaphore::new(MAX_LIVE_PAGES, MAX_LIVE_PAGES_PER_SESSION),
        }))
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        self.sonnette.clock().now()
    }

    /// The registry with every change, whoever made it.
    pub(crate) fn refresh(&self) -> Result<Arc<RegistrySnapshot>, ApiError> {
        Ok(self.sonnette.refresh()?)
    }

    /// Takes a change of a webhook into the registry and, for organizers that hear of such changes, waits until it is
    /// published: so that it reaches the webhooks that want it when its request is answered, and none that is made
    /// afterwards. If that takes long, the answer does not wait: the change is published all the same.
    pub(crate) async fn announced(&self, organizer: &Organizer) -> Result<(), ApiError> {
        self.refresh()?;
        if !organizer.dialects.contains(&DialectName::Creads) {
            return Ok(());
        }
        for _ in 0..LOOKS {
            if self
                .store(|store| store.pending_webhook_changes(1))
                .await?
                .is_empty()
            {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    /// Runs a change of [`admin`](crate::admin) on a thread that may block, and loads it into the registry.
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
        let changed = tokio::task::spawn_blocking(move || {
            let changed = change(sonnette.store().as_ref(), sonnette.clock().now());
            sonnette.refresh().map(|_| changed)
        });
        Ok(changed.await??)
    }

    /// Runs `work` on a thread that may block.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = self.sonnette.store().clone();
        Ok(tokio::task::spawn_blocking(move || work(store.as_ref())).await??)
    }

    /// When a token was last used, to the minute.
    pub(crate) fn last_used(&self, token: &Token) -> Option<Timestamp> {
        token.last_used.max(self.token_use.last(token.id))
    }

    /// Notes that a token was used; every now and then, tells the store.
    pub(crate) fn used(&self, token: TokenId) {
        if self
            .token_use
            .note(token, self.now(), self.settings.flush_token_use)
        {
            let state = self.clone();
            tokio::task::spawn_blocking(move || state.flush_token_use());
        }
    }

    /// Tells the store when tokens were used. Blocks.
    pub(crate) fn flush_token_use(&self) {
        let used = self.token_use.take();
        if used.is_empty() {
            return;
        }
        if let Err(error) = self.sonnette.store().record_token_uses(&used) {
            tracing::warn!(%error, "the times tokens were used could not be written down");
        }
    }
}
