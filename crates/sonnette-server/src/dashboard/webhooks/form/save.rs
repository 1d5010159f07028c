//! Stores the webhook of a valid form.

use jiff::Timestamp;
use serde_json::{Value, json};
use sonnette::domain::{Event, Webhook, WebhookSettings};

use super::audit_data;
use super::errors::FieldError;
use super::input::Input;
use super::validate::{ValidForm, validate};
use crate::admin::error::AdminError;
use crate::admin::webhooks::change::{
    self, SETTINGS_CHANGED, WebhookEdit, expedite_in_background, new_webhook,
};
use crate::admin::webhooks::secrets;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// A saved webhook, and the key of the flash message.
pub(super) type SaveResult = (Webhook, &'static str);

/// Why a webhook is not changed.
enum ChangeError {
    /// The form is not valid for the webhook as it is stored now.
    Invalid(Vec<FieldError>),
    Admin(AdminError),
}

impl From<AdminError> for ChangeError {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

/// A webhook with random secrets that is not stored.
pub(super) fn draft(
    page: &OrganizerPage,
    form: &ValidForm,
    now: Timestamp,
) -> Result<Webhook, PageError> {
    let mut webhook = new_webhook(page.organizer_id(), form.fields.clone(), now)?;
    form.apply(&mut webhook, &secrets::random_seed()?, now);
    Ok(webhook)
}

/// Stores a new webhook.
pub(super) async fn create(
    state: &AppState,
    page: &OrganizerPage,
    form: &ValidForm,
    events: &[Event],
) -> Result<SaveResult, PageError> {
    let webhook = draft(page, form, state.now())?;
    let data = audit_data::created(&webhook, events);
    let settings = audit_data::changed_settings(&WebhookSettings::default(), &webhook.settings);
    let author = page.author();
    let saved = state
        .change(move |store, now| {
            change::create(store, &author, &webhook, data.into(), &settings, now)
        })
        .await??;
    state
        .wait_until_published(&page.organizer.organizer)
        .await?;
    Ok((saved, "webhook-created"))
}

/// Changes a webhook that was `before` when the form was shown. The last change wins, but the form is validated again for
/// the webhook as it is stored by then.
pub(super) async fn change(
    state: &AppState,
    page: &OrganizerPage,
    before: &Webhook,
    input: Input,
    form: &ValidForm,
) -> Result<Result<SaveResult, Vec<FieldError>>, PageError> {
    let seed = secrets::random_seed()?;
    let mut after = before.clone();
    form.apply(&mut after, &seed, state.now());
    let (id, organizer) = (before.id, before.organizer);
    let events = state.read(move |store| store.events(organizer)).await?;
    let mut data = Value::from(audit_data::changed(before, &after, &events));
    let mut settings = audit_data::changed_settings(&before.settings, &after.settings);
    let is_resource_unchanged = data.as_object().is_some_and(serde_json::Map::is_empty);
    if is_resource_unchanged && settings.is_empty() {
        return Ok(Ok((after, "webhook-unchanged")));
    }
    let mut action = "pretix.webhook.changed";
    if is_resource_unchanged {
        action = SETTINGS_CHANGED;
        data = json!({"id": id, "changed": std::mem::take(&mut settings)});
    }
    let edit = WebhookEdit {
        organizer,
        id,
        action,
        data,
        settings,
    };
    let (author, organizer) = (page.author(), page.organizer.clone());
    let http_settings = state.settings.clone();
    let changed = state
        .change(move |store, now| {
            let mut becomes_enabled = false;
            let webhook = change::change(store, &author, edit, now, |webhook| {
                let catalogue = &organizer.catalogue;
                let form = validate(&input, Some(webhook), &events, catalogue, &http_settings)
                    .map_err(ChangeError::Invalid)?;
                becomes_enabled = form.fields.enabled && !webhook.is_enabled();
                form.apply(webhook, &seed, now);
                Ok::<_, ChangeError>(())
            })?;
            Ok::<_, ChangeError>((webhook, becomes_enabled))
        })
        .await?;
    let (webhook, becomes_enabled) = match changed {
        Ok(changed) => changed,
        Err(ChangeError::Invalid(errors)) => return Ok(Err(errors)),
        Err(ChangeError::Admin(error)) => return Err(error.into()),
    };
    state
        .wait_until_published(&page.organizer.organizer)
        .await?;
    if becomes_enabled {
        expedite_in_background(&state.sonnette, id);
    }
    Ok(Ok((webhook, "webhook-saved")))
}
