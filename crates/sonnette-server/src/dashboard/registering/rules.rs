//! Checks what stands in the form by the rules of the API, and those that pretix's form adds.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use sonnette::dialect::Catalogue;
use sonnette::domain::{
    Event, EventFilter, ExtraHeader, SignatureScheme, SigningSeed, TargetUrl, Webhook,
    WebhookSettings,
};

use super::input::Input;
use super::wrong::{Complaint, Wrong};
use crate::admin::validation::{self, Nullable, Violation};
use crate::admin::webhooks::fields::{
    self, MAX_COMMENT_CHARS, WebhookChange, WebhookFields, WebhookInput, text_violations,
};
use crate::admin::webhooks::masks::MASK;
use crate::admin::webhooks::settings::{
    MAX_CONCURRENCY, MAX_PER_SECOND, SettingsPatch, TIMEOUT_SECONDS, extra_signatures,
};
use crate::admin::webhooks::{headers, secrets};
use crate::edge::HttpSettings;

/// Action types, or events, that may be chosen; but as many as are stored may stay.
const MOST_CHOSEN: usize = 1_000;

/// A form without fault.
pub(super) struct Checked {
    pub(super) fields: WebhookFields,
    settings: SettingsPatch,
}

impl Checked {
    /// Lays it over a webhook. A webhook that is to sign with a key pair for the first time gets one of `seed`.
    pub(super) fn apply(&self, webhook: &mut Webhook, seed: &SigningSeed, now: Timestamp) {
        self.fields.clone().apply(webhook, now);
        self.settings.apply(&mut webhook.settings);
        secrets::ensure_key_pair(webhook, seed);
    }
}

/// Checks a form; `before` is the webhook as it is stored, if it is.
pub(super) fn check(
    input: &Input,
    before: Option<&Webhook>,
    events: &[Event],
    catalogue: &Catalogue,
    settings: &HttpSettings,
) -> Result<Checked, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let change = before.map_or(WebhookChange::Create, WebhookChange::Replace);
    let target_url = unmasked(&input.target_url, before).unwrap_or_else(|complaint| {
        wrong.push(Wrong::new("target_url", complaint));
        input.target_url.clone()
    });
    let fields = resource(input, change, &target_url, events, catalogue);
    let fields = fields.map_err(|all| wrong.extend(all)).ok();
    let refused = fields.as_ref().is_some_and(|fields: &WebhookFields| {
        fields.violates_https(settings.require_https, before)
    });
    if refused {
        wrong.push(Wrong::new("target_url", Complaint::Unencrypted));
    }
    wrong.extend(too_many(input, before));
    if input.action_types.is_empty() {
        wrong.push(Wrong::new("action_types", Complaint::NoActionType));
    }
    let nothing = WebhookSettings::default();
    let stored = before.map_or(&nothing, |webhook| &webhook.settings);
    let patch = more(input).map_err(|all| wrong.extend(all)).ok();
    let target = fields.as_ref().map(|fields| &fields.target);
    let elsewhere = before
        .zip(target)
        .is_some_and(|(before, target)| !target.has_same_origin(&before.target));
    let headers = extra_headers(&input.headers, &stored.headers, elsewhere)
        .map_err(|complaints| wrong.extend(complaints));
    match (fields, patch, headers) {
        (Some(fields), Some(patch), Ok(headers)) if wrong.is_empty() => Ok(Checked {
            fields,
            settings: SettingsPatch {
                headers: Some(headers),
                ..patch
            },
        }),
        _ => Err(wrong),
    }
}

fn too_many(input: &Input, before: Option<&Webhook>) -> impl Iterator<Item = Wrong> {
    let stored = before.map_or(0, |webhook| match &webhook.events {
        EventFilter::All => 0,
        EventFilter::Only(slugs) => slugs.len(),
    });
    let types = before.map_or(0, |webhook| webhook.action_types.len());
    [
        ("action_types", input.action_types.len(), types),
        ("limit_events", input.limit_events.len(), stored),
    ]
    .into_iter()
    .filter(|(_, chosen, stored)| *chosen > MOST_CHOSEN.max(*stored))
    .map(|(field, ..)| Wrong::new(field, Complaint::TooManyChosen(MOST_CHOSEN)))
}

/// The URL with the stored credentials for their mask, which is kept for the same server only: whoever may not read them
/// may not have them sent elsewhere. What is no URL stays as it is.
fn unmasked(typed: &str, before: Option<&Webhook>) -> Result<String, Complaint> {
    let Ok(url) = typed.parse::<TargetUrl>() else {
        return Ok(typed.to_owned());
    };
    let user_info = url.user_info().unwrap_or_default();
    if user_info == MASK {
        let stored = before.map(|webhook| &webhook.target);
        let stored = stored.filter(|stored| url.has_same_origin(stored));
        let stored = stored.and_then(TargetUrl::user_info);
        return Ok(url.with_masked_credentials(stored.ok_or(Complaint::MaskedCredentials)?));
    }
    match user_info.split_once(':') {
        Some((_, MASK)) => Err(Complaint::MaskedCredentials),
        _ => Ok(typed.to_owned()),
    }
}

/// The fields of pretix's resource.
fn resource(
    input: &Input,
    change: WebhookChange<'_>,
    target_url: &str,
    events: &[Event],
    catalogue: &Catalogue,
) -> Result<WebhookFields, Vec<Wrong>> {
    let slugs: HashSet<&str> = events.iter().map(|event| event.slug.as_str()).collect();
    let limit_events = fields::limit_events(input.limit_events.iter().cloned(), |slug| {
        slugs.contains(slug)
    });
    let action_types = fields::action_types(input.action_types.iter().cloned(), |name| {
        catalogue.is_selectable(name)
    });
    let mut wrong = Vec::new();
    let target = fields::target_url(target_url.trim())
        .map_err(|violations| wrong.extend(Wrong::of_violations("target_url", violations)))
        .ok();
    let limit_events = limit_events
        .map_err(|violation| wrong.extend(Wrong::of_violations("limit_events", [violation])))
        .ok();
    let action_types = action_types
        .map_err(|violation| wrong.extend(Wrong::of_violations("action_types", [violation])))
        .ok();
    let violations = text_violations(&input.comment, MAX_COMMENT_CHARS);
    wrong.extend(Wrong::of_violations("comment", violations));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let resource = WebhookInput {
        enabled: Some(input.enabled),
        target,
        all_events: Some(input.all_events),
        limit_events,
        action_types,
        comment: Some(Nullable(
            Some(input.comment.clone()).filter(|comment| !comment.is_empty()),
        )),
    };
    // Of the rule across fields the list of events is what one can change.
    resource
        .complete(change)
        .map_err(|violation| Wrong::of_violations("limit_events", [violation]).collect())
}

/// The settings beside it, but for the headers: they have an order.
fn more(input: &Input) -> Result<SettingsPatch, Vec<Wrong>> {
    let emails: Vec<_> = input
        .contact_emails
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    let schemes = input.signature_scheme.iter().map(String::as_str);
    let mut wrong = Vec::new();
    let patch = SettingsPatch {
        headers: None,
        max_per_second: setting(
            "max_per_second",
            number(&input.max_per_second, &MAX_PER_SECOND),
            &mut wrong,
        ),
        max_concurrency: setting(
            "max_concurrency",
            number(&input.max_concurrency, &MAX_CONCURRENCY),
            &mut wrong,
        ),
        timeout_seconds: setting(
            "timeout_seconds",
            number(&input.timeout_seconds, &TIMEOUT_SECONDS),
            &mut wrong,
        ),
        extra_signatures: setting(
            "signature_scheme",
            validation::choices::<SignatureScheme>(schemes),
            &mut wrong,
        )
        .map(extra_signatures),
        contact_emails: setting(
            "contact_emails",
            validation::contact_emails(emails),
            &mut wrong,
        ),
    };
    if wrong.is_empty() {
        Ok(patch)
    } else {
        Err(wrong)
    }
}

fn number(text: &str, range: &RangeInclusive<u32>) -> Result<Nullable<u32>, Violation> {
    if text.is_empty() {
        return Ok(Nullable(None));
    }
    let number = validation::integer(text.parse().ok(), range)?;
    Ok(Nullable(Some(number)))
}

fn setting<T>(name: &str, checked: Result<T, Violation>, wrong: &mut Vec<Wrong>) -> Option<T> {
    checked
        .map_err(|_| wrong.push(Wrong::of_setting(name)))
        .ok()
}

/// The headers with stored values for their masks; not if they are to go `elsewhere`.
fn extra_headers(
    text: &str,
    stored: &[ExtraHeader],
    elsewhere: bool,
) -> Result<Vec<ExtraHeader>, Vec<Wrong>> {
    let (mut members, mut masked) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            return Err(vec![Wrong::new("headers", Complaint::NoHeaderLine)]);
        };
        let (name, value) = (name.trim(), value.trim());
        if elsewhere && value == MASK {
            masked.push(Wrong::new(
                "headers",
                Complaint::HeaderElsewhere(name.to_owned()),
            ));
        }
        members.push((name.to_owned(), Some(value.to_owned())));
    }
    if !masked.is_empty() {
        return Err(masked);
    }
    headers::check(members, stored).map_err(|problems| {
        problems
            .into_iter()
            .map(|(name, problem)| Wrong::new("headers", Complaint::Header(name, problem)))
            .collect()
    })
}
