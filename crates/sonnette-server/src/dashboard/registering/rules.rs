//! Checks what stands in the form by the rules of the API, and those that pretix's form adds.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sonnette::dialect::Catalogue;
use sonnette::domain::{
    Event, EventFilter, ExtraHeader, SigningSeed, TargetUrl, Webhook, WebhookSettings,
};

use super::input::Input;
use super::wrong::{Complaint, Wrong};
use crate::admin::validation::Fields;
use crate::admin::webhooks::masks::MASK;
use crate::admin::webhooks::settings_input::SettingsPatch;
use crate::admin::webhooks::{headers, lacks_https, put, secrets};
use crate::edge::HttpSettings;
use crate::rest::drf::json::{Json, Text};
use crate::rest::drf::problem::Problems;
use crate::rest::drf::webhook_fields::{Change, WebhookFields, check_webhook};
use crate::rest::error::ApiError;

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
        put(webhook, self.fields.clone(), now);
        self.settings.apply(&mut webhook.settings);
        secrets::complete(webhook, seed);
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
    let change = before.map_or(Change::Create, Change::Replace);
    let slugs: HashSet<&str> = events.iter().map(|event| event.slug.as_str()).collect();
    let known = |slug: &str| slugs.contains(slug);
    let selectable = |name: &str| catalogue.is_selectable(name);
    let target_url = unmasked(&input.target_url, before).unwrap_or_else(|complaint| {
        wrong.push(Wrong::new("target_url", complaint));
        input.target_url.clone()
    });
    let members = members(input, &target_url);
    let fields = match check_webhook(change, members, false, known, selectable) {
        Ok(fields) => {
            if lacks_https(settings, &fields, before) {
                wrong.push(Wrong::new("target_url", Complaint::Unencrypted));
            }
            Some(fields)
        }
        Err(Problems(problems)) => {
            wrong.extend(Wrong::of_problems(problems));
            None
        }
    };
    wrong.extend(too_many(input, before));
    if input.action_types.is_empty() {
        wrong.push(Wrong::new("action_types", Complaint::NoActionType));
    }
    let nothing = WebhookSettings::default();
    let stored = before.map_or(&nothing, |webhook| &webhook.settings);
    let patch = SettingsPatch::parse(Fields::new(more(input)), stored);
    let patch = match patch {
        Ok(patch) => Some(patch),
        Err(ApiError::Fields(messages)) => {
            wrong.extend(messages.iter().map(|(field, _)| Wrong::of_setting(field)));
            None
        }
        Err(_) => None,
    };
    let target = fields.as_ref().map(|fields| &fields.target);
    let elsewhere = before
        .zip(target)
        .is_some_and(|(before, target)| !target.has_same_origin(&before.target));
    let headers = extra_headers(&input.headers, &stored.headers, elsewhere)
        .map_err(|complaints| wrong.extend(complaints));
    match (fields, patch, headers) {
        (Some(fields), Some(patch), Ok(headers)) if wrong.is_empty() => Ok(Checked {
            fields,
            settings: patch.with_headers(headers),
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

/// pretix's resource, as the API is sent it.
fn members(input: &Input, target_url: &str) -> Vec<(Text, Json)> {
    let text = |text: &str| Json::Str(Text::from(text));
    let list = |texts: &[String]| Json::List(texts.iter().map(|one| text(one)).collect());
    let comment = if input.comment.is_empty() {
        Json::Null
    } else {
        text(&input.comment)
    };
    [
        ("target_url", text(target_url)),
        ("comment", comment),
        ("enabled", Json::Bool(input.enabled)),
        ("action_types", list(&input.action_types)),
        ("all_events", Json::Bool(input.all_events)),
        ("limit_events", list(&input.limit_events)),
    ]
    .into_iter()
    .map(|(name, value)| (Text::from(name), value))
    .collect()
}

/// The settings beside it, but for the headers: they have an order.
fn more(input: &Input) -> Map<String, Value> {
    let number = |text: &str| match (text, text.parse::<u32>()) {
        ("", _) => Value::Null,
        (_, Ok(number)) => number.into(),
        (text, Err(_)) => text.into(),
    };
    let emails: Vec<_> = input
        .contact_emails
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|text| !text.is_empty())
        .collect();
    let members = [
        ("max_per_second", number(&input.max_per_second)),
        ("max_concurrency", number(&input.max_concurrency)),
        ("timeout_seconds", number(&input.timeout_seconds)),
        ("signature_scheme", json!(input.signature_scheme)),
        ("contact_emails", json!(emails)),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
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
