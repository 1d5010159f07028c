//! From a publication request to a group for the commit: check, compose the body, match webhooks.

use std::sync::Arc;

use super::content_hash::content_hash;
use super::{OrganizerSnapshot, PublishError, PublishRequest};
use crate::dialect::{self, CheckBudget, ComposeInput, EventRequirement, FieldErrors, compose};
use crate::domain::{
    ActionTypeName, Audience, EventSlug, PendingWebhookChange, TokenHash, WebhookId,
};
use crate::store::{IdempotencyKey, Publication, PublicationGroup};
use jiff::Timestamp;

/// The longest `data`, in bytes of JSON text.
const MAX_DATA_BYTES: usize = 262_144;

/// Checks and composes the publications of one request, all or none. Once `budget` is exceeded, the result says only that.
pub(crate) fn prepare(
    snapshot: &OrganizerSnapshot,
    token: Option<TokenHash>,
    requests: &[PublishRequest],
    now: Timestamp,
    budget: &CheckBudget,
) -> Result<PublicationGroup, PublishError> {
    let mut invalid = Vec::new();
    let mut publications = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        if request.data.get().len() > MAX_DATA_BYTES {
            return Err(PublishError::TooLarge(index));
        }
        let prepared = publication(snapshot, request, now, budget);
        if budget.is_exceeded() {
            invalid.extend(prepared.err().map(|errors| (index, errors)));
            break;
        }
        match prepared {
            Ok(publication) => publications.push(publication),
            Err(errors) => invalid.push((index, errors)),
        }
    }
    if invalid.is_empty() {
        Ok(PublicationGroup {
            organizer: snapshot.organizer.id,
            token,
            publications,
        })
    } else {
        Err(PublishError::Invalid(invalid))
    }
}

/// The publication of a change of a webhook, for the other webhooks of its organizer. None: the organizer no longer has a
/// dialect with such notifications.
pub(crate) fn pending_webhook_changes(
    snapshot: &OrganizerSnapshot,
    news: &PendingWebhookChange,
    now: Timestamp,
) -> Option<PublicationGroup> {
    let (action_type, data) = dialect::compose_webhook_change(&snapshot.organizer, news);
    let request = PublishRequest {
        action_type,
        event: None,
        data,
        idempotency_key: None,
        subject: None,
    };
    let mut publication =
        publication(snapshot, &request, now, &CheckBudget::full(Arc::default())).ok()?;
    publication.audience = Audience::Others(news.webhook);
    publication.webhooks.retain(|id| *id != news.webhook);
    Some(PublicationGroup {
        organizer: snapshot.organizer.id,
        token: None,
        publications: vec![publication],
    })
}

/// The enabled webhooks that match a notification.
pub(crate) fn matching_webhooks(
    snapshot: &OrganizerSnapshot,
    action_type: &str,
    event: Option<&EventSlug>,
    audience: Audience,
) -> Vec<WebhookId> {
    if audience == Audience::Nobody {
        return Vec::new();
    }
    let Some(catalogue_entry) = snapshot.catalogue.resolve(action_type) else {
        return Vec::new();
    };
    // The body of a deletion names the event, but the filters of events do not apply to it.
    let event = event.filter(|_| {
        catalogue_entry.event_requirement(action_type) != EventRequirement::DeletedEvent
    });
    let mut webhooks = snapshot.webhooks_for(catalogue_entry, action_type, event);
    webhooks.retain(|webhook| audience.has(*webhook));
    webhooks
}

fn publication(
    snapshot: &OrganizerSnapshot,
    request: &PublishRequest,
    now: Timestamp,
    budget: &CheckBudget,
) -> Result<Publication, FieldErrors> {
    let unknown = || {
        let message = snapshot.catalogue.explain_unknown(&request.action_type);
        FieldErrors::one("action_type", message)
    };
    let action_type: ActionTypeName = request.action_type.parse().map_err(|_| unknown())?;
    let catalogue_entry = snapshot
        .catalogue
        .resolve(action_type.as_str())
        .ok_or_else(unknown)?;
    if action_type.is_wildcard() {
        return Err(unknown());
    }
    let rule = catalogue_entry.event_requirement(action_type.as_str());
    match (rule, &request.event) {
        (EventRequirement::Required, None) => {
            return Err(FieldErrors::one("event", "This field is required."));
        }
        (EventRequirement::Forbidden, Some(_)) => {
            return Err(FieldErrors::one(
                "event",
                "This action type belongs to the organizer: it takes no event.",
            ));
        }
        _ => {}
    }
    let composed = compose(&ComposeInput {
        organizer: &snapshot.organizer,
        catalogue_entry,
        action_type: &action_type,
        event: request.event.as_ref(),
        data: &request.data,
        published_at: now,
        budget,
    })?;
    let key = match &request.idempotency_key {
        Some(text) => Some(IdempotencyKey {
            text: text.clone(),
            content_hash: content_hash(request, &dialect::parse_data(&request.data)?),
        }),
        None => None,
    };
    let webhooks = matching_webhooks(
        snapshot,
        action_type.as_str(),
        request.event.as_ref(),
        composed.audience,
    );
    Ok(Publication {
        registers_event: rule != EventRequirement::DeletedEvent && request.event.is_some(),
        shape: catalogue_entry.shape,
        body: composed.body,
        data: composed.data,
        audience: composed.audience,
        subject: request.subject.clone(),
        published_at: now,
        key,
        webhooks,
        event: request.event.clone(),
        action_type,
    })
}
