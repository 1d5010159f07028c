//! What an organizer is changed to.

use serde_json::{Value, json};
use sonnette::domain::{DialectName, FailurePolicy, Language, Organizer, OrganizerId};
use sonnette::store::ChangeResult;
use uuid::Uuid;

use super::Author;
use crate::admin::validation::Nullable;
use crate::edge::AppState;
use crate::edge::error::ApiError;

/// What somebody sets of an organizer; those left out stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Patch {
    /// Shown to people.
    pub(crate) name: Option<String>,
    /// By which the platform knows it.
    pub(crate) uuid: Option<Uuid>,
    /// Of labels and mails.
    pub(crate) language: Option<Language>,
    /// The emitters whose action types it knows; not empty.
    pub(crate) dialects: Option<Vec<DialectName>>,
    /// Who is told when a webhook is switched off.
    pub(crate) contact_emails: Option<Vec<String>>,
    /// Null: the default of the dialects.
    pub(crate) failure_policy: Option<Nullable<FailurePolicy>>,
}

impl Patch {
    /// Lays it over an organizer.
    pub(crate) fn apply(&self, organizer: &mut Organizer) {
        if let Some(name) = &self.name {
            organizer.name.clone_from(name);
        }
        if let Some(uuid) = self.uuid {
            organizer.uuid = uuid;
        }
        if let Some(language) = self.language {
            organizer.language = language;
        }
        if let Some(dialects) = &self.dialects {
            organizer.dialects.clone_from(dialects);
        }
        if let Some(emails) = &self.contact_emails {
            organizer.contact_emails.clone_from(emails);
        }
        if let Some(Nullable(policy)) = self.failure_policy {
            organizer.failure_policy = policy;
        }
    }
}

/// A policy as the API writes it.
pub(crate) fn policy_json(policy: FailurePolicy) -> Value {
    match policy {
        FailurePolicy::Never => json!({ "disable_after": null }),
        FailurePolicy::After { failures, lasting } => {
            json!({"disable_after": {"failures": failures, "seconds": lasting.as_secs()}})
        }
    }
}

/// Changes an organizer; `data` is what is noted of it.
pub(crate) async fn change(
    state: &AppState,
    author: &Author,
    id: OrganizerId,
    patch: Patch,
    data: Value,
) -> Result<ChangeResult<Organizer>, ApiError> {
    let note = author.note("sonnette.organizer.changed", data, state.now());
    let mut apply = move |organizer: &mut Organizer| {
        patch.apply(organizer);
        true
    };
    let changed = state
        .store(move |store| store.change_organizer(id, &mut apply, note))
        .await?;
    state.refresh().await?;
    Ok(changed)
}
