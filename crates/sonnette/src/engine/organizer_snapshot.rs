//! An organizer in memory, with everything that belongs to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cow_map::CowMap;
use crate::dialect::{ActionType, Catalogue, RegisteredActionTypes};
use crate::domain::{
    ActionTypeName, DialectName, EventSlug, Organizer, Webhook, WebhookId, matching_wildcards,
};

/// An organizer with everything that belongs to it.
#[derive(Clone)]
pub struct OrganizerSnapshot {
    /// The organizer itself.
    pub organizer: Arc<Organizer>,
    /// The action types it knows.
    pub catalogue: Catalogue,
    /// Its webhooks, disabled ones included.
    pub webhooks: CowMap<WebhookId, Arc<Webhook>>,
    /// Enabled webhooks by each name in their `action_types`.
    enabled_by_action: CowMap<(ActionTypeName, WebhookId), ()>,
}

impl OrganizerSnapshot {
    /// An organizer without webhooks and action types of its own.
    pub(super) fn new(organizer: Organizer, shared: &RegisteredActionTypes) -> Self {
        Self {
            catalogue: Catalogue::default()
                .with_dialects(&organizer.dialects)
                .with_shared(shared),
            organizer: Arc::new(organizer),
            webhooks: CowMap::new(),
            enabled_by_action: CowMap::new(),
        }
    }

    pub(super) fn set_organizer(&mut self, organizer: Organizer) {
        if organizer.dialects != self.organizer.dialects {
            self.catalogue = self.catalogue.clone().with_dialects(&organizer.dialects);
        }
        self.organizer = Arc::new(organizer);
    }

    pub(super) fn put_webhook(&mut self, webhook: &Arc<Webhook>) {
        let before = self.webhooks.insert(webhook.id, webhook.clone());
        let (old, new) = (before.as_deref().map(enabled_names), enabled_names(webhook));
        let old = old.unwrap_or_default();
        for name in old.difference(&new) {
            let key = ((*name).clone(), webhook.id);
            self.enabled_by_action.remove(&key);
        }
        for name in new.difference(&old) {
            let key = ((*name).clone(), webhook.id);
            self.enabled_by_action.insert(key, ());
        }
    }

    pub(super) fn remove_webhook(&mut self, id: WebhookId) {
        let Some(webhook) = self.webhooks.remove(&id) else {
            return;
        };
        for name in enabled_names(&webhook) {
            self.enabled_by_action.remove(&(name.clone(), id));
        }
    }

    /// This organizer with the action types that are registered for all now.
    pub(super) fn with_shared_action_types(
        self: &Arc<Self>,
        shared: &RegisteredActionTypes,
    ) -> Arc<Self> {
        if self.catalogue.has_shared(shared) {
            return self.clone();
        }
        let catalogue = self.catalogue.clone().with_shared(shared);
        Arc::new(Self {
            catalogue,
            ..(**self).clone()
        })
    }

    /// The enabled webhooks that match a concrete action type, each once, by id.
    ///
    /// pretix: those with exactly the registered name. Others: those with the name itself or a wildcard over it. An
    /// action of no event passes every event filter.
    pub fn webhooks_for(
        &self,
        catalogue_entry: &ActionType,
        concrete: &str,
        event: Option<&EventSlug>,
    ) -> Vec<WebhookId> {
        if catalogue_entry.dialect == DialectName::Pretix {
            return self
                .enabled_with(catalogue_entry.name.as_str(), event)
                .collect();
        }
        let mut ids: Vec<WebhookId> = self.enabled_with(concrete, event).collect();
        for wildcard in matching_wildcards(concrete) {
            ids.extend(self.enabled_with(&wildcard, event));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The enabled webhooks with exactly this name whose event filter passes, by id.
    fn enabled_with<'a>(
        &'a self,
        name: &'a str,
        event: Option<&'a EventSlug>,
    ) -> impl Iterator<Item = WebhookId> + 'a {
        self.enabled_by_action
            .iter_from(|(known, _)| known.as_str() < name)
            .take_while(move |((known, _), ())| known.as_str() == name)
            .map(|((_, id), ())| *id)
            .filter(move |id| {
                let webhook = self.webhooks.get(id);
                webhook.is_some_and(|webhook| webhook.events.matches(event))
            })
    }
}

/// The names in the webhook's `action_types`, each once; none while it is disabled.
fn enabled_names(webhook: &Webhook) -> BTreeSet<&ActionTypeName> {
    let names = webhook.is_enabled().then_some(&webhook.action_types);
    names.into_iter().flatten().collect()
}
