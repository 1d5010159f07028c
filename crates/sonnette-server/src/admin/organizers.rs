//! Organizers, the tenants of the installation.

use jiff::Timestamp;
use serde_json::{Value, json};
use sonnette::domain::{
    DialectName, FailurePolicy, Language, Organizer, OrganizerId, OrganizerSlug,
};
use sonnette::store::Store;
use uuid::Uuid;

use super::author::Author;
use super::error::{AdminError, require_done};
use super::validation::Nullable;

/// What changes of an organizer; `None` keeps the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OrganizerPatch {
    /// Shown to people.
    pub(crate) name: Option<String>,
    /// The identity that the platform knows it by.
    pub(crate) uuid: Option<Uuid>,
    /// The language of labels and mails.
    pub(crate) language: Option<Language>,
    /// The emitters whose action types it can publish; not empty.
    pub(crate) dialects: Option<Vec<DialectName>>,
    /// Who gets mail when a webhook is disabled.
    pub(crate) contact_emails: Option<Vec<String>>,
    /// Null: the default of the dialects.
    pub(crate) failure_policy: Option<Nullable<FailurePolicy>>,
}

impl OrganizerPatch {
    /// Sets the values that change.
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

/// A failure policy as the API and the audit log write it.
pub(crate) fn failure_policy_json(policy: FailurePolicy) -> Value {
    match policy {
        FailurePolicy::Never => json!({ "disable_after": null }),
        FailurePolicy::After { failures, lasting } => {
            json!({"disable_after": {"failures": failures, "seconds": lasting.as_secs()}})
        }
    }
}

/// Creates an organizer with the default values, changed by `patch`.
///
/// # Errors
/// [`AdminError::Taken`] for a slug or a UUID that is in use.
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    slug: OrganizerSlug,
    patch: &OrganizerPatch,
    now: Timestamp,
) -> Result<Organizer, AdminError> {
    let mut organizer = Organizer {
        id: OrganizerId(0),
        name: slug.to_string(),
        slug,
        uuid: Uuid::new_v4(),
        language: Language::English,
        dialects: vec![DialectName::Pretix, DialectName::Custom],
        contact_emails: Vec::new(),
        failure_policy: None,
    };
    patch.apply(&mut organizer);
    let entry = author.audit_entry("sonnette.organizer.created", audit_data(&organizer), now);
    require_done(store.add_organizer(&organizer, entry)?, "an organizer")
}

/// Changes an organizer. `data` is what the audit log keeps.
///
/// # Errors
/// [`AdminError::NotFound`], and [`AdminError::Taken`] for a UUID that is in use.
pub(crate) fn change(
    store: &dyn Store,
    author: &Author,
    id: OrganizerId,
    patch: &OrganizerPatch,
    data: Value,
    now: Timestamp,
) -> Result<Organizer, AdminError> {
    let entry = author.audit_entry("sonnette.organizer.changed", data, now);
    let mut apply = |organizer: &mut Organizer| {
        patch.apply(organizer);
        true
    };
    require_done(
        store.change_organizer(id, &mut apply, entry)?,
        "an organizer",
    )
}

fn audit_data(organizer: &Organizer) -> Value {
    json!({
        "slug": organizer.slug,
        "name": organizer.name,
        "uuid": organizer.uuid,
        "language": organizer.language,
        "dialects": organizer.dialects,
        "contact_emails": organizer.contact_emails,
        "failure_policy": failure_policy_json(organizer.effective_failure_policy()),
    })
}
