//! A form without fault becomes a webhook.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sonnette::domain::{
    Event, EventFilter, Secrets, Webhook, WebhookId, WebhookSettings, WebhookState,
};
use sonnette::store::{ChangeResult, NewAuditEntry};

use super::audited;
use super::input::Input;
use super::rules::{self, Checked};
use super::wrong::Wrong;
use crate::admin::webhooks::{secrets, send_what_waits};
use crate::credentials::random_secret;
use crate::dashboard::error::PageError;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

/// What is to be told of a webhook that was saved: its key.
pub(super) type Saved = (Webhook, &'static str);

/// A webhook that is not stored; its secrets are drawn at random.
pub(super) fn draft(desk: &Desk, checked: &Checked, now: Timestamp) -> Result<Webhook, PageError> {
    let mut webhook = Webhook {
        id: WebhookId(0),
        organizer: desk.organizer(),
        state: WebhookState::Enabled,
        target: checked.fields.target.clone(),
        generation: 0,
        events: EventFilter::All,
        action_types: Vec::new(),
        comment: None,
        secrets: Secrets {
            current: random_secret()?,
            previous: None,
        },
        settings: WebhookSettings::default(),
    };
    checked.apply(&mut webhook, &secrets::random_seed()?, now);
    Ok(webhook)
}

/// Stores a new webhook.
pub(super) async fn create(
    state: &AppState,
    desk: &Desk,
    checked: Checked,
    events: &[Event],
) -> Result<Saved, PageError> {
    let now = state.now();
    let webhook = draft(desk, &checked, now)?;
    let data = audited::created(&webhook, events);
    let note = desk
        .visitor
        .note("pretix.webhook.created", data.into(), now);
    let begun = WebhookSettings::default();
    let settings = Beside::of(desk, audited::settings(&begun, &webhook.settings), now);
    let saved = state
        .store(move |store| {
            let saved = store.add_webhook(&webhook, note)?;
            if let Some(note) = settings.map(|beside| beside.note(saved.id)) {
                store.add_audit_entry(saved.organizer, note)?;
            }
            Ok(saved)
        })
        .await?;
    state.announced(&desk.tenant.organizer).await?;
    Ok((saved, "webhook-created"))
}

/// Changes a webhook that was so `before`. Whoever saves last wins; but what is saved fits the webhook as it is then.
pub(super) async fn change(
    state: &AppState,
    desk: &Desk,
    before: &Webhook,
    input: Input,
    checked: &Checked,
) -> Result<Result<Saved, Vec<Wrong>>, PageError> {
    let (now, seed) = (state.now(), secrets::random_seed()?);
    let mut after = before.clone();
    checked.apply(&mut after, &seed, now);
    let (id, organizer) = (before.id, before.organizer);
    let events = state.store(move |store| store.events(organizer)).await?;
    let data = audited::changed(before, &after, &events);
    let names = audited::settings(&before.settings, &after.settings);
    if data.is_empty() && names.is_empty() {
        return Ok(Ok((after, "webhook-unchanged")));
    }
    let (note, beside) = notes(desk, id, &data, names, now);
    let (tenant, settings) = (desk.tenant.clone(), state.settings.clone());
    let (changed, wrong, enabled) = state
        .store(move |store| {
            let (mut wrong, mut enabled) = (Vec::new(), false);
            let mut apply = |webhook: &mut Webhook| {
                let catalogue = &tenant.catalogue;
                match rules::check(&input, Some(webhook), &events, catalogue, &settings) {
                    Ok(checked) => {
                        enabled = checked.fields.enabled && !webhook.is_enabled();
                        checked.apply(webhook, &seed, now);
                        true
                    }
                    Err(problems) => {
                        wrong = problems;
                        false
                    }
                }
            };
            let changed = store.change_webhook(organizer, id, &mut apply, note)?;
            if let (ChangeResult::Done(_), Some(note)) = (&changed, beside) {
                store.add_audit_entry(organizer, note)?;
            }
            Ok((changed, wrong, enabled))
        })
        .await?;
    match changed {
        ChangeResult::Done(webhook) => {
            state.announced(&desk.tenant.organizer).await?;
            if enabled {
                send_what_waits(state, id);
            }
            Ok(Ok((webhook, "webhook-saved")))
        }
        ChangeResult::Missing => Err(PageError::NotFound),
        ChangeResult::Taken | ChangeResult::Refused => Ok(Err(wrong)),
    }
}

/// The line that goes with the change, and the one beside it if both parts of the form changed.
fn notes(
    desk: &Desk,
    id: WebhookId,
    data: &Map<String, Value>,
    names: Vec<&'static str>,
    now: Timestamp,
) -> (NewAuditEntry, Option<NewAuditEntry>) {
    let beside = Beside::of(desk, names, now).map(|beside| beside.note(id));
    let note = desk
        .visitor
        .note("pretix.webhook.changed", data.clone().into(), now);
    match beside {
        Some(beside) if data.is_empty() => (beside, None),
        beside => (note, beside),
    }
}

/// That settings beside the resource were changed.
struct Beside {
    note: NewAuditEntry,
    names: Vec<&'static str>,
}

impl Beside {
    fn of(desk: &Desk, names: Vec<&'static str>, now: Timestamp) -> Option<Self> {
        let action = "sonnette.webhook.settings.changed";
        (!names.is_empty()).then(|| Self {
            note: desk.visitor.note(action, Value::Null, now),
            names,
        })
    }

    fn note(self, id: WebhookId) -> NewAuditEntry {
        NewAuditEntry {
            data: json!({"id": id, "changed": self.names}),
            ..self.note
        }
    }
}
