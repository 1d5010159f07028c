//! Validates the form by the rules of the resource and the additional rules of pretix's form.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use sonnette::dialect::Catalogue;
use sonnette::domain::{
    Event, EventFilter, ExtraHeader, SignatureScheme, SigningSeed, TargetUrl, Webhook,
    WebhookSettings,
};

use super::errors::{FieldError, FieldProblem};
use super::input::Input;
use crate::admin::validation::{self, Nullable, Violation};
use crate::admin::webhooks::fields::{
    self, MAX_COMMENT_CHARS, WebhookFields, WebhookInput, WriteMode, text_violations,
};
use crate::admin::webhooks::masks::MASK;
use crate::admin::webhooks::settings::{
    CONCURRENCY_RANGE, PER_SECOND_RANGE, SettingsPatch, TIMEOUT_SECONDS_RANGE, extra_signatures,
};
use crate::admin::webhooks::{headers, secrets};
use crate::edge::HttpSettings;

/// Action types, or events, that can be chosen. A webhook that has more may keep as many.
const MAX_CHOSEN: usize = 1_000;

/// The values of a valid form.
pub(super) struct ValidForm {
    pub(super) fields: WebhookFields,
    settings: SettingsPatch,
}

impl ValidForm {
    /// Applies the values to a webhook. If it signs with a key pair for the first time, the key is made from `seed`.
    pub(super) fn apply(&self, webhook: &mut Webhook, seed: &SigningSeed, now: Timestamp) {
        self.fields.clone().apply(webhook, now);
        self.settings.apply(&mut webhook.settings);
        secrets::ensure_key_pair(webhook, seed);
    }
}

/// Validates a form. `before` is the stored webhook; `None` for a new one.
pub(super) fn validate(
    input: &Input,
    before: Option<&Webhook>,
    events: &[Event],
    catalogue: &Catalogue,
    settings: &HttpSettings,
) -> Result<ValidForm, Vec<FieldError>> {
    let mut errors = Vec::new();
    let change = before.map_or(WriteMode::Create, WriteMode::Replace);
    let target_url = unmask_target(&input.target_url, before).unwrap_or_else(|problem| {
        errors.push(FieldError::new("target_url", problem));
        input.target_url.clone()
    });
    let fields = validate_resource(input, change, &target_url, events, catalogue);
    let fields = fields.map_err(|found| errors.extend(found)).ok();
    let lacks_https = fields.as_ref().is_some_and(|fields: &WebhookFields| {
        fields.violates_https(settings.require_https, before)
    });
    if lacks_https {
        errors.push(FieldError::new("target_url", FieldProblem::NotHttps));
    }
    errors.extend(too_many_chosen(input, before));
    if input.action_types.is_empty() {
        errors.push(FieldError::new("action_types", FieldProblem::NoActionType));
    }
    let no_settings = WebhookSettings::default();
    let stored = before.map_or(&no_settings, |webhook| &webhook.settings);
    let patch = settings_patch(input)
        .map_err(|found| errors.extend(found))
        .ok();
    let target = fields.as_ref().map(|fields| &fields.target);
    let is_elsewhere = before
        .zip(target)
        .is_some_and(|(before, target)| !target.has_same_origin(&before.target));
    let headers = extra_headers(&input.headers, &stored.headers, is_elsewhere)
        .map_err(|found| errors.extend(found));
    match (fields, patch, headers) {
        (Some(fields), Some(patch), Ok(headers)) if errors.is_empty() => Ok(ValidForm {
            fields,
            settings: SettingsPatch {
                headers: Some(headers),
                ..patch
            },
        }),
        _ => Err(errors),
    }
}

fn too_many_chosen(input: &Input, before: Option<&Webhook>) -> impl Iterator<Item = FieldError> {
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
    .filter(|(_, chosen, stored)| *chosen > MAX_CHOSEN.max(*stored))
    .map(|(field, ..)| FieldError::new(field, FieldProblem::TooManyChosen(MAX_CHOSEN)))
}

/// Replaces the mask in a URL by the stored credentials, if the URL leads to the same server: a user who cannot read the
/// credentials must not have them sent elsewhere. A text that is no URL is returned as it is.
fn unmask_target(text: &str, before: Option<&Webhook>) -> Result<String, FieldProblem> {
    let Ok(url) = text.parse::<TargetUrl>() else {
        return Ok(text.to_owned());
    };
    let user_info = url.user_info().unwrap_or_default();
    if user_info == MASK {
        let stored = before.map(|webhook| &webhook.target);
        let stored = stored.filter(|stored| url.has_same_origin(stored));
        let stored = stored.and_then(TargetUrl::user_info);
        return Ok(url.with_masked_credentials(stored.ok_or(FieldProblem::MaskedCredentials)?));
    }
    match user_info.split_once(':') {
        Some((_, MASK)) => Err(FieldProblem::MaskedCredentials),
        _ => Ok(text.to_owned()),
    }
}

/// Validates the fields of pretix's webhook resource.
fn validate_resource(
    input: &Input,
    change: WriteMode<'_>,
    target_url: &str,
    events: &[Event],
    catalogue: &Catalogue,
) -> Result<WebhookFields, Vec<FieldError>> {
    let slugs: HashSet<&str> = events.iter().map(|event| event.slug.as_str()).collect();
    let limit_events = fields::limit_events(input.limit_events.iter().cloned(), |slug| {
        slugs.contains(slug)
    });
    let action_types = fields::action_types(input.action_types.iter().cloned(), |name| {
        catalogue.is_selectable(name)
    });
    let mut errors = Vec::new();
    let target = fields::target_url(target_url.trim())
        .map_err(|violations| errors.extend(FieldError::of_violations("target_url", violations)))
        .ok();
    let limit_events = limit_events
        .map_err(|violation| errors.extend(FieldError::of_violations("limit_events", [violation])))
        .ok();
    let action_types = action_types
        .map_err(|violation| {
            errors.push(FieldError::new(
                "action_types",
                match violation {
                    Violation::UnknownActionType(name) => {
                        let reason = catalogue.find_reason_unknown(&name);
                        FieldProblem::UnknownActionType(name, reason)
                    }
                    other => FieldProblem::Violation(other),
                },
            ));
        })
        .ok();
    let violations = text_violations(&input.comment, MAX_COMMENT_CHARS);
    errors.extend(FieldError::of_violations("comment", violations));
    if !errors.is_empty() {
        return Err(errors);
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
    // The error of the rule across two fields is shown at the list of events, which the user can change.
    resource
        .complete(change)
        .map_err(|violation| FieldError::of_violations("limit_events", [violation]).collect())
}

/// The settings of the webhook, without the headers.
fn settings_patch(input: &Input) -> Result<SettingsPatch, Vec<FieldError>> {
    let emails: Vec<_> = input
        .contact_emails
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    let schemes = input.signature_scheme.iter().map(String::as_str);
    let mut errors = Vec::new();
    let patch = SettingsPatch {
        headers: None,
        max_per_second: check_setting(
            "max_per_second",
            number(&input.max_per_second, &PER_SECOND_RANGE),
            &mut errors,
        ),
        max_concurrency: check_setting(
            "max_concurrency",
            number(&input.max_concurrency, &CONCURRENCY_RANGE),
            &mut errors,
        ),
        timeout_seconds: check_setting(
            "timeout_seconds",
            number(&input.timeout_seconds, &TIMEOUT_SECONDS_RANGE),
            &mut errors,
        ),
        extra_signatures: check_setting(
            "signature_scheme",
            validation::choices::<SignatureScheme>(schemes),
            &mut errors,
        )
        .map(extra_signatures),
        contact_emails: check_setting(
            "contact_emails",
            validation::contact_emails(emails),
            &mut errors,
        ),
    };
    if errors.is_empty() {
        Ok(patch)
    } else {
        Err(errors)
    }
}

fn number(text: &str, range: &RangeInclusive<u32>) -> Result<Nullable<u32>, Violation> {
    if text.is_empty() {
        return Ok(Nullable(None));
    }
    let number = validation::integer(text.parse().ok(), range)?;
    Ok(Nullable(Some(number)))
}

fn check_setting<T>(
    name: &str,
    value: Result<T, Violation>,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    value
        .map_err(|_| errors.push(FieldError::of_setting(name)))
        .ok()
}

/// Parses the headers and replaces masks by the stored values. If the target is another server (`is_elsewhere`), masks are
/// errors.
fn extra_headers(
    text: &str,
    stored: &[ExtraHeader],
    is_elsewhere: bool,
) -> Result<Vec<ExtraHeader>, Vec<FieldError>> {
    let (mut members, mut masked) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            return Err(vec![FieldError::new(
                "headers",
                FieldProblem::MalformedHeader,
            )]);
        };
        let (name, value) = (name.trim(), value.trim());
        if is_elsewhere && value == MASK {
            masked.push(FieldError::new(
                "headers",
                FieldProblem::HeaderElsewhere(name.to_owned()),
            ));
        }
        members.push((name.to_owned(), Some(value.to_owned())));
    }
    if !masked.is_empty() {
        return Err(masked);
    }
    headers::check(members, stored).map_err(|violations| {
        violations
            .into_iter()
            .map(|(name, violation)| {
                FieldError::new("headers", FieldProblem::Header(name, violation))
            })
            .collect()
    })
}
