//! From a publication request to a group for the commit: check, compose the body, match webhooks.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{OrganizerSnapshot, PublishError, PublishRequest};
use crate::dialect::{self, ComposeInput, EventRequirement, FieldErrors, compose};
use crate::domain::{ActionName, Audience, EventSlug, PendingWebhookChange, TokenHash, WebhookId};
use crate::store::{IdempotencyKey, Publication, PublicationGroup};
use jiff::Timestamp;

/// The longest `data`, in bytes of JSON text.
const MAX_DATA_BYTES: usize = 262_144;

/// Checks and composes the publications of one request, all or none.
pub(crate) fn prepare(
    tenant: &OrganizerSnapshot,
    token: Option<TokenHash>,
    requests: Vec<PublishRequest>,
    now: Timestamp,
) -> Result<PublicationGroup, PublishError> {
    let mut invalid = Vec::new();
    let mut publications = Vec::with_capacity(requests.len());
    for (index, request) in requests.into_iter().enumerate() {
        if request.data.get().len() > MAX_DATA_BYTES {
            return Err(PublishError::TooLarge(index));
        }
        match publication(tenant, request, now) {
            Ok(publication) => publications.push(publication),
            Err(errors) => invalid.push((index, errors)),
        }
    }
    if invalid.is_empty() {
        Ok(PublicationGroup {
            organizer: tenant.organizer.id,
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
    tenant: &OrganizerSnapshot,
    news: &PendingWebhookChange,
    now: Timestamp,
) -> Option<PublicationGroup> {
    let (action_type, data) = dialect::compose_webhook_change(&tenant.organizer, news);
    let request = PublishRequest {
        action_type,
        event: None,
        data,
        idempotency_key: None,
        subject: None,
    };
    let mut publication = publication(tenant, request, now).ok()?;
    publication.audience = Audience::Others(news.webhook);
    publication.webhooks.retain(|id| *id != news.webhook);
    Some(PublicationGroup {
        organizer: tenant.organizer.id,
        token: None,
        publications: vec![publication],
    })
}

/// The enabled webhooks that match a notification.
pub(crate) fn matching_webhooks(
    tenant: &OrganizerSnapshot,
    action_type: &str,
    event: Option<&EventSlug>,
    audience: Audience,
) -> Vec<WebhookId> {
    if audience == Audience::Nobody {
        return Vec::new();
    }
    let Some(spec) = tenant.catalogue.resolve(action_type) else {
        return Vec::new();
    };
    // The body of a deletion names the event, but the filters of events do not apply to it.
    let event =
        event.filter(|_| spec.event_requirement(action_type) != EventRequirement::DeletedEvent);
    let mut webhooks = tenant.webhooks_for(spec, action_type, event);
    webhooks.retain(|webhook| audience.has(*webhook));
    webhooks
}

fn publication(
    tenant: &OrganizerSnapshot,
    request: PublishRequest,
    now: Timestamp,
) -> Result<Publication, FieldErrors> {
    let unknown = || {
        let message = tenant.catalogue.explain_unknown(&request.action_type);
        FieldErrors::one("action_type", message)
    };
    let action_type: ActionName = request.action_type.parse().map_err(|_| unknown())?;
    let spec = tenant
        .catalogue
        .resolve(action_type.as_str())
        .ok_or_else(unknown)?;
    if action_type.is_wildcard() {
        return Err(unknown());
    }
    let rule = spec.event_requirement(action_type.as_str());
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
    let key = request.idempotency_key.as_ref().map(|text| IdempotencyKey {
        text: text.clone(),
        content_hash: content_hash(&request),
    });
    let composed = compose(&ComposeInput {
        organizer: &tenant.organizer,
        spec,
        action_type: &action_type,
        event: request.event.as_ref(),
        data: &request.data,
        published_at: now,
    })?;
    let webhooks = matching_webhooks(
        tenant,
        action_type.as_str(),
        request.event.as_ref(),
        composed.audience,
    );
    Ok(Publication {
        registers_event: rule != EventRequirement::DeletedEvent && request.event.is_some(),
        shape: spec.shape,
        body: composed.body,
        data: composed.data,
        audience: composed.audience,
        subject: request.subject,
        published_at: now,
        key,
        webhooks,
        event: request.event,
        action_type,
    })
}

/// The SHA-256 of the content of a publication, equal for equal JSON values however they are written.
fn content_hash(request: &PublishRequest) -> [u8; 32] {
    let data: Value = serde_json::from_str(request.data.get()).unwrap_or_default();
    let mut text = String::new();
    canonical(&data, &mut text);
    let whole = serde_json::json!([
        request.action_type,
        request.event.as_ref().map(crate::domain::EventSlug::as_str),
        request.subject,
        text
    ]);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, whole.to_string().as_bytes()).as_ref());
    hash
}

/// JSON with sorted keys and normalized numbers: `1.0`, `1` and `1e0` are equal.
fn canonical(value: &Value, into: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            into.push('{');
            for (key, value) in sorted {
                into.push_str(&Value::from(key.as_str()).to_string());
                into.push(':');
                canonical(value, into);
                into.push(',');
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            for item in items {
                canonical(item, into);
                into.push(',');
            }
            into.push(']');
        }
        Value::Number(number) => into.push_str(&canonical_number(number)),
        other => into.push_str(&other.to_string()),
    }
}

fn canonical_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}
