//! The registry in memory: whom a token is, who listens to what. A snapshot that is replaced, never changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::broadcast;

use super::{Activity, LaneState};
use crate::dialect::{ActionType, Catalogue};
use crate::domain::{
    EventSlug, FailurePolicy, Organizer, OrganizerId, RegisteredAction, Token, TokenHash, Webhook,
    WebhookId, WebhookState, covering_wildcards,
};
use crate::engine::dispatcher::inbox::Inboxes;
use crate::store::{RegistryChanges, Store, StoreError, StoredOrganizer};

/// Everything publishing and sending need to know, as of one version.
#[derive(Default)]
pub struct RegistrySnapshot {
    version: i64,
    tokens: HashMap<TokenHash, Arc<Token>>,
    organizers: HashMap<OrganizerId, Arc<OrganizerSnapshot>>,
    by_slug: HashMap<String, OrganizerId>,
    webhooks: HashMap<WebhookId, Arc<Webhook>>,
}

/// An organizer with all that belongs to it.
pub struct OrganizerSnapshot {
    /// The organizer itself.
    pub organizer: Organizer,
    /// The action types it knows.
    pub catalogue: Catalogue,
    /// What it and the operator registered.
    pub registered: Vec<RegisteredAction>,
    /// Its webhooks, disabled ones included.
    pub webhooks: BTreeMap<WebhookId, Arc<Webhook>>,
    /// Enabled webhooks by the names in their `action_types`.
    listeners: HashMap<String, Vec<Arc<Webhook>>>,
}

impl RegistrySnapshot {
    /// The version of this snapshot.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The token with this hash, active or not.
    pub fn token(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        self.tokens.get(hash)
    }

    /// Every token.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// The organizer with this slug, in exactly this case.
    pub fn tenant(&self, slug: &str) -> Option<&Arc<OrganizerSnapshot>> {
        self.organizers.get(self.by_slug.get(slug)?)
    }

    /// The organizer with this id.
    pub fn organizer_by_id(&self, id: OrganizerId) -> Option<&Arc<OrganizerSnapshot>> {
        self.organizers.get(&id)
    }

    /// Every organizer.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<OrganizerSnapshot>> {
        self.organizers.values()
    }

    /// The webhook with this id, of whatever organizer.
    pub fn webhook(&self, id: WebhookId) -> Option<&Arc<Webhook>> {
        self.webhooks.get(&id)
    }

    /// What switches this webhook off, beside a 410.
    pub fn failure_policy(&self, webhook: WebhookId) -> FailurePolicy {
        self.webhook(webhook)
            .and_then(|webhook| self.organizer_by_id(webhook.organizer))
            .map_or(FailurePolicy::Never, |tenant| {
                tenant.organizer.effective_failure_policy()
            })
    }

    /// This snapshot with newer rows laid over it, and the webhooks they touch.
    fn with(&self, rows: RegistryChanges) -> (Self, Vec<WebhookId>) {
        let mut next = Self {
            version: rows.version,
            tokens: self.tokens.clone(),
            organizers: self.organizers.clone(),
            by_slug: self.by_slug.clone(),
            webhooks: self.webhooks.clone(),
        };
        for (hash, token) in rows.tokens {
            next.tokens.insert(hash, Arc::new(token));
        }
        let mut touched = Vec::new();
        for organizer in rows.organizers {
            let before = self.organizers.get(&organizer.organizer.id);
            let tenant = OrganizerSnapshot::new(organizer, before.map(|t| &t.webhooks));
            for (id, webhook) in &tenant.webhooks {
                if self
                    .webhooks
                    .get(id)
                    .is_none_or(|old| !Arc::ptr_eq(old, webhook))
                {
                    next.webhooks.insert(*id, webhook.clone());
                    touched.push(*id);
                }
            }
            next.by_slug
                .insert(tenant.organizer.slug.to_string(), tenant.organizer.id);
            next.organizers
                .insert(tenant.organizer.id, Arc::new(tenant));
        }
        (next, touched)
    }
}

impl OrganizerSnapshot {
    /// Webhooks that are as they were stay the very same values.
    pub(super) fn new(
        rows: StoredOrganizer,
        before: Option<&BTreeMap<WebhookId, Arc<Webhook>>>,
    ) -> Self {
        let webhooks: BTreeMap<_, _> = rows
            .webhooks
            .into_iter()
            .map(|webhook| match before.and_then(|b| b.get(&webhook.id)) {
                Some(same) if **same == webhook => (webhook.id, same.clone()),
                _ => (webhook.id, Arc::new(webhook)),
            })
            .collect();
        let mut listeners: HashMap<String, Vec<Arc<Webhook>>> = HashMap::new();
        for webhook in webhooks.values().filter(|w| w.is_enabled()) {
            for name in &webhook.action_types {
                let heard = listeners.entry(name.as_str().to_owned()).or_default();
                // A POST may have left doubles in; they call once all the same.
                if heard.last().is_none_or(|last| last.id != webhook.id) {
                    heard.push(webhook.clone());
                }
            }
        }
        let catalogue = Catalogue::new(&rows.organizer.dialects, &rows.action_types);
        Self {
            organizer: rows.organizer,
            catalogue,
            registered: rows.action_types,
            webhooks,
            listeners,
        }
    }

    /// The enabled webhooks that are told of a concrete action type, each once, by id.
    ///
    /// pretix: those with exactly the registered name. Others: those with the name itself or a wildcard over it. An
    /// action of no event passes every event filter.
    pub fn listeners(
        &self,
        spec: &ActionType,
        concrete: &str,
        event: Option<&EventSlug>,
    ) -> Vec<WebhookId> {
        let heard = |name: &str| self.listeners.get(name).map_or(&[][..], Vec::as_slice);
        let passes = |w: &&Arc<Webhook>| w.events.passes(event);
        if spec.dialect == crate::domain::DialectName::Pretix {
            return heard(spec.name.as_str())
                .iter()
                .filter(passes)
                .map(|w| w.id)
                .collect();
        }
        let mut told: Vec<WebhookId> = heard(concrete)
            .iter()
            .filter(passes)
            .map(|w| w.id)
            .collect();
        for wildcard in covering_wildcards(concrete) {
            told.extend(heard(&wildcard).iter().filter(passes).map(|w| w.id));
        }
        told.sort_unstable();
        told.dedup();
        told
    }
}

/// The newest snapshot, kept in step with the store.
pub(crate) struct RegistryCache {
    store: Arc<dyn Store>,
    current: RwLock<Arc<RegistrySnapshot>>,
    /// Of `current`, to be looked at without a lock.
    version: AtomicI64,
    loading: Mutex<()>,
    inboxes: Inboxes,
    news: broadcast::Sender<Arc<Activity>>,
}

impl RegistryCache {
    pub(crate) fn load(
        store: Arc<dyn Store>,
        inboxes: Inboxes,
        news: broadcast::Sender<Arc<Activity>>,
    ) -> Result<Self, StoreError> {
        let (registry, _) = RegistrySnapshot::default().with(store.load(0)?);
        let version = AtomicI64::new(registry.version);
        Ok(Self {
            store,
            current: RwLock::new(Arc::new(registry)),
            version,
            loading: Mutex::new(()),
            inboxes,
            news,
        })
    }

    /// The version of the newest snapshot in memory.
    pub(crate) fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// The newest snapshot in memory.
    pub(crate) fn current(&self) -> Arc<RegistrySnapshot> {
        self.current.read().clone()
    }

    /// The registry as it is in the store now, whoever changed it.
    pub(crate) fn refresh(&self) -> Result<Arc<RegistrySnapshot>, StoreError> {
        let known = self.current();
        if self.store.version()? == known.version {
            return Ok(known);
        }
        let _one_at_a_time = self.loading.lock();
        let known = self.current();
        let rows = self.store.load(known.version)?;
        if rows.version == known.version {
            return Ok(known);
        }
        let (next, touched) = known.with(rows);
        let next = Arc::new(next);
        *self.current.write() = next.clone();
        self.version.store(next.version, Ordering::Release);
        self.inboxes.send_changes(&touched);
        self.tell(&known, &next, &touched);
        Ok(next)
    }

    /// Tells watchers which webhooks were switched on or off, by whomever.
    fn tell(&self, before: &RegistrySnapshot, after: &RegistrySnapshot, touched: &[WebhookId]) {
        if self.news.receiver_count() == 0 {
            return;
        }
        for id in touched {
            let (Some(old), Some(new)) = (before.webhook(*id), after.webhook(*id)) else {
                continue;
            };
            let state = match (&old.state, &new.state) {
                (WebhookState::Enabled, WebhookState::Disabled(disabled)) => {
                    LaneState::Disabled(disabled.reason)
                }
                (WebhookState::Disabled(_), WebhookState::Enabled) => LaneState::Healthy,
                _ => continue,
            };
            let (organizer, webhook) = (new.organizer, *id);
            // The last watcher may have left just now.
            let _ = self.news.send(Arc::new(Activity::Lane {
                organizer,
                webhook,
                state,
            }));
        }
    }
}
