//! The registry in memory: whom a token belongs to, who listens to what.
//!
//! A snapshot never changes. The next one shares everything with it that has not changed, so that a change costs what
//! has changed, whatever the number of organizers and webhooks ([`CowMap`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::organizer_snapshot::OrganizerSnapshot;
use crate::cow_map::CowMap;
use crate::dialect::RegisteredActionTypes;
use crate::domain::{
    FailurePolicy, Organizer, OrganizerId, OrganizerSlug, RegisteredActionType, Token, TokenHash,
    Webhook, WebhookId,
};
use crate::store::{RegistryChanges, RegistryStore, RemovedActionType, StoreError};

/// Everything publishing and sending need to know, as of one version.
#[derive(Clone, Default)]
pub struct RegistrySnapshot {
    version: i64,
    tokens: CowMap<TokenHash, Arc<Token>>,
    organizers: CowMap<OrganizerId, Arc<OrganizerSnapshot>>,
    organizers_by_slug: CowMap<OrganizerSlug, OrganizerId>,
    webhooks: CowMap<WebhookId, Arc<Webhook>>,
    /// Registered for all organizers. Snapshots of organizers made before the last change of these have older ones.
    shared_action_types: RegisteredActionTypes,
    /// Since when the deliveries of an organizer are held after a restore.
    holds: Arc<BTreeMap<OrganizerId, Timestamp>>,
}

impl RegistrySnapshot {
    /// Reads the whole registry of a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(store: &(impl RegistryStore + ?Sized)) -> Result<Self, StoreError> {
        Ok(Self::default().with_changes(store.load(0)?).0)
    }

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
    pub fn organizer(&self, slug: &str) -> Option<Arc<OrganizerSnapshot>> {
        self.organizer_by_id(*self.organizers_by_slug.get(slug)?)
    }

    /// The organizer with this id.
    pub fn organizer_by_id(&self, id: OrganizerId) -> Option<Arc<OrganizerSnapshot>> {
        let organizer = self.organizers.get(&id)?;
        Some(organizer.with_shared_action_types(&self.shared_action_types))
    }

    /// Every organizer, by id.
    pub fn organizers(&self) -> impl Iterator<Item = Arc<OrganizerSnapshot>> {
        let organizers = self.organizers.values();
        organizers.map(|organizer| organizer.with_shared_action_types(&self.shared_action_types))
    }

    /// The webhook with this id, of whatever organizer.
    pub fn webhook(&self, id: WebhookId) -> Option<&Arc<Webhook>> {
        self.webhooks.get(&id)
    }

    /// Since when deliveries are held after a restore, if those of any organizer are.
    pub fn hold(&self) -> Option<Timestamp> {
        self.holds.values().min().copied()
    }

    /// The organizers whose deliveries are held after a restore.
    pub fn held_organizers(&self) -> impl Iterator<Item = OrganizerId> {
        self.holds.keys().copied()
    }

    /// Whether the deliveries of an organizer are held after a restore.
    pub fn is_held(&self, organizer: OrganizerId) -> bool {
        self.holds.contains_key(&organizer)
    }

    /// Whether the deliveries of a webhook are held after a restore.
    pub fn is_webhook_held(&self, webhook: WebhookId) -> bool {
        let webhook = self.webhook(webhook);
        webhook.is_some_and(|webhook| self.is_held(webhook.organizer))
    }

    /// What switches this webhook off, beside a 410.
    pub fn failure_policy(&self, webhook: WebhookId) -> FailurePolicy {
        self.webhook(webhook)
            .and_then(|webhook| self.organizers.get(&webhook.organizer))
            .map_or(FailurePolicy::Never, |organizer| {
                organizer.organizer.effective_failure_policy()
            })
    }

    /// The snapshot after these changes, and the webhooks that differ.
    pub(super) fn with_changes(&self, changes: RegistryChanges) -> (Self, Vec<WebhookId>) {
        let mut next = self.clone();
        next.version = changes.version;
        next.remove_damaged(&changes);
        for (hash, token) in changes.tokens {
            next.tokens.insert(hash, Arc::new(token));
        }
        let (removed, removed_shared): (Vec<_>, Vec<_>) = changes
            .removed_action_types
            .into_iter()
            .partition(|a| a.organizer.is_some());
        let (actions, shared): (Vec<_>, Vec<_>) = changes
            .action_types
            .into_iter()
            .partition(|a| a.organizer.is_some());
        // Those for all first: new organizers take them over.
        next.change_action_types(removed_shared, shared);
        for organizer in changes.organizers {
            next.put_organizer(organizer);
        }
        next.change_action_types(removed, actions);
        let mut webhooks = next.set_holds(changes.holds);
        for webhook in changes.webhooks {
            let id = webhook.id;
            if next.put_webhook(webhook) {
                webhooks.push(id);
            }
        }
        (next, webhooks)
    }

    /// What is known of a damaged row may no longer hold.
    fn remove_damaged(&mut self, changes: &RegistryChanges) {
        for id in &changes.damaged_organizers {
            if let Some(organizer) = self.organizers.remove(id) {
                self.organizers_by_slug.remove(&organizer.organizer.slug);
            }
        }
        for id in &changes.damaged_webhooks {
            if let Some(webhook) = self.webhooks.remove(id)
                && let Some(organizer) = self.organizers.get_mut(&webhook.organizer)
            {
                Arc::make_mut(organizer).remove_webhook(*id);
            }
        }
        if !changes.damaged_tokens.is_empty() {
            let is_damaged = |token: &Token| changes.damaged_tokens.contains(&token.id);
            let damaged = self.tokens.iter().filter(|(_, token)| is_damaged(token));
            let hashes: Vec<TokenHash> = damaged.map(|(hash, _)| *hash).collect();
            for hash in hashes {
                self.tokens.remove(&hash);
            }
        }
    }

    /// Returns the webhooks whose hold has begun or ended.
    fn set_holds(&mut self, holds: BTreeMap<OrganizerId, Timestamp>) -> Vec<WebhookId> {
        if *self.holds == holds {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.holds, Arc::new(holds));
        let held = before.keys().chain(self.holds.keys());
        let changed = held.filter(|id| before.contains_key(id) != self.holds.contains_key(id));
        let organizers = changed.filter_map(|id| self.organizers.get(id));
        organizers
            .flat_map(|organizer| organizer.webhooks.keys().copied())
            .collect()
    }

    fn put_organizer(&mut self, organizer: Organizer) {
        let id = organizer.id;
        if let Some(known) = self.organizers.get_mut(&id) {
            Arc::make_mut(known).set_organizer(organizer);
        } else {
            self.organizers_by_slug.insert(organizer.slug.clone(), id);
            let new = OrganizerSnapshot::new(organizer, &self.shared_action_types);
            self.organizers.insert(id, Arc::new(new));
        }
    }

    /// The action types that were registered for this organizer, or for all.
    fn action_types_mut(
        &mut self,
        organizer: Option<OrganizerId>,
    ) -> Option<&mut RegisteredActionTypes> {
        let Some(id) = organizer else {
            return Some(&mut self.shared_action_types);
        };
        let organizer = self.organizers.get_mut(&id)?;
        Some(Arc::make_mut(organizer).catalogue.organizer_types_mut())
    }

    /// Removals first: a name may have been registered again since.
    fn change_action_types(
        &mut self,
        removed: Vec<RemovedActionType>,
        changed: Vec<RegisteredActionType>,
    ) {
        for action in removed {
            if let Some(actions) = self.action_types_mut(action.organizer) {
                actions.remove(&action.name);
            }
        }
        for action in changed {
            if let Some(actions) = self.action_types_mut(action.organizer) {
                actions.insert(action);
            }
        }
    }

    /// Whether the webhook's organizer has it. An organizer whose row was damaged is new once that is repaired.
    fn is_listed(&self, webhook: &Webhook) -> bool {
        let organizer = self.organizers.get(&webhook.organizer);
        organizer.is_none_or(|organizer| organizer.webhooks.contains_key(&webhook.id))
    }

    /// Whether it differs from what is known. One that does not stays the very same value.
    fn put_webhook(&mut self, webhook: Webhook) -> bool {
        if self
            .webhooks
            .get(&webhook.id)
            .is_some_and(|known| **known == webhook && self.is_listed(&webhook))
        {
            return false;
        }
        let webhook = Arc::new(webhook);
        if let Some(organizer) = self.organizers.get_mut(&webhook.organizer) {
            Arc::make_mut(organizer).put_webhook(&webhook);
        }
        self.webhooks.insert(webhook.id, webhook);
        true
    }
}
