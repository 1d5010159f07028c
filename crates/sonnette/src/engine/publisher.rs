//! From a request to a batch: check, compose, match.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{PublishError, PublishRequest, Tenant};
use crate::dialect::{EventRule, FieldErrors, Input, compose};
use crate::domain::{ActionName, TokenHash};
use crate::store::{Group, Key, Publication};
use jiff::Timestamp;

/// The longest `data`, in bytes of JSON text.
const MOST_DATA: usize = 262_144;

/// Makes a group of the publications of one request, all or nothing.
pub(crate) fn prepare(
    tenant: &Tenant,
    token: Option<TokenHash>,
    requests: Vec<PublishRequest>,
    now: Timestamp,
) -> Result<Group, PublishError> {
    let mut wrong = Vec::new();
    let mut publications = Vec::with_capacity(requests.len());
    for (place, request) in requests.into_iter().enumerate() {
        if request.data.get().len() > MOST_DATA {
            return Err(PublishError::TooLarge(place));
        }
        match publication(tenant, request, now) {
            Ok(publication) => publications.push(publication),
            Err(errors) => wrong.push((place, errors)),
        }
    }
    if wrong.is_empty() {
        Ok(Group {
            organizer: tenant.organizer.id,
            token,
            publications,
        })
    } else {
        Err(PublishError::Invalid(wrong))
    }
}

fn publication(
    tenant: &Tenant,
    request: PublishRequest,
    now: Timestamp,
) -> Result<Publication, FieldErrors> {
    let unknown = || FieldErrors::one("action_type", unknown_action(&request.action_type));
    let action_type: ActionName = request.action_type.parse().map_err(|_| unknown())?;
    let spec = tenant
        .catalogue
        .resolve(action_type.as_str())
        .ok_or_else(unknown)?;
    if action_type.is_wildcard() {
        return Err(unknown());
    }
    let rule = spec.event_rule(action_type.as_str());
    match (rule, &request.event) {
        (EventRule::Required, None) => {
            return Err(FieldErrors::one("event", "This field is required."));
        }
        (EventRule::Refused, Some(_)) => {
            return Err(FieldErrors::one(
                "event",
                "This action type belongs to the organizer: it takes no event.",
            ));
        }
        _ => {}
    }
    let key = request.idempotency_key.as_ref().map(|text| Key {
        text: text.clone(),
        content: content(&request),
    });
    let body = compose(&Input {
        organizer: &tenant.organizer,
        spec,
        action_type: &action_type,
        event: request.event.as_ref(),
        data: &request.data,
        published_at: now,
    })?;
    // An event that is being deleted is named in the body, but the fact belongs to the organizer (pretix facts §8.3).
    let filtered = request
        .event
        .as_ref()
        .filter(|_| rule != EventRule::Deleted);
    let webhooks = tenant.listeners(spec, action_type.as_str(), filtered);
    Ok(Publication {
        registers_event: rule != EventRule::Deleted && request.event.is_some(),
        shape: spec.shape,
        body,
        subject: request.subject,
        at: now,
        key,
        webhooks,
        event: request.event,
        action_type,
    })
}

/// A message that names what was asked for, shortened if long.
fn unknown_action(name: &str) -> String {
    let short: String = name.chars().take(100).collect();
    format!("Unknown action type \"{short}\".")
}

/// SHA-256 of what a publication says, the same for equal JSON values however they are written.
fn content(request: &PublishRequest) -> [u8; 32] {
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

/// JSON with keys in order and numbers by value, so that `1.0`, `1` and `1e0` are the same.
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
