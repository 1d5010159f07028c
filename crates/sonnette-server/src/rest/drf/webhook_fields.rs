//! The rules of the webhook resource: what was sent becomes what is stored, or all of
//! its errors.

use std::collections::BTreeSet;

use sonnette::domain::{ActionName, EventFilter, EventSlug, TargetUrl, Webhook};

use super::json::{Json, Text};
use super::media::Payload;
use super::python;
use super::refusal::Refusal;
use super::violation::{Problem, Problems};

/// The longest `target_url`, in characters.
const MAX_TARGET_URL: usize = 1024;

/// The longest `comment`, in characters.
const MAX_COMMENT: usize = 255;

/// What a request does to the resource.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// POST.
    Create,
    /// PUT: fields left out get their defaults.
    Replace(&'a Webhook),
    /// PATCH: fields left out stay.
    Update(&'a Webhook),
}

/// All that an organizer sets of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookFields {
    /// Whether it shall be called.
    pub(crate) enabled: bool,
    /// Where.
    pub(crate) target: TargetUrl,
    /// For which events.
    pub(crate) events: EventFilter,
    /// For which action types: sorted by bytes; a POST may leave doubles in.
    pub(crate) action_types: Vec<ActionName>,
    /// An empty comment is not the same as none.
    pub(crate) comment: Option<String>,
}

impl WebhookFields {
    /// As they are stored.
    pub(crate) fn of(webhook: &Webhook) -> Self {
        Self {
            enabled: webhook.is_enabled(),
            target: webhook.target.clone(),
            events: webhook.events.clone(),
            action_types: webhook.action_types.clone(),
            comment: webhook.comment.clone(),
        }
    }
}

/// Checks a request: `known_event` tells the slugs of the organizer's events, `selectable` the names that may stand in
/// `action_types`.
///
/// # Errors
/// 400 with the messages of every field, or of the rule across fields if each is fine by itself.
pub(crate) fn parse_webhook(
    change: Change<'_>,
    payload: Payload,
    known_event: impl Fn(&str) -> bool,
    selectable: impl Fn(&str) -> bool,
) -> Result<WebhookFields, Refusal> {
    let is_form = payload.is_form;
    let members = payload.json.into_object()?;
    Ok(check_webhook(
        change,
        members,
        is_form,
        known_event,
        selectable,
    )?)
}

/// The same of the members of an object, or of a form.
///
/// # Errors
/// All that is wrong.
pub(crate) fn check_webhook(
    change: Change<'_>,
    members: Vec<(Text, Json)>,
    is_form: bool,
    known_event: impl Fn(&str) -> bool,
    selectable: impl Fn(&str) -> bool,
) -> Result<WebhookFields, Problems> {
    let sent = Sent {
        members,
        partial: matches!(change, Change::Update(_)),
        is_form,
    };
    let mut errors = Errors::default();
    let enabled = errors.keep("enabled", sent.boolean("enabled"));
    let target = errors.keep("target_url", sent.required("target_url", target_url));
    let all_events = errors.keep("all_events", sent.boolean("all_events"));
    let limit_events = errors.keep("limit_events", sent.limit_events(known_event));
    let action_types = errors.keep(
        "action_types",
        sent.required("action_types", |value| action_types(value, selectable)),
    );
    let comment = errors.keep("comment", sent.get("comment").map(comment).transpose());
    if !errors.0.0.is_empty() {
        return Err(errors.0);
    }
    let stored = match change {
        Change::Create => None,
        Change::Replace(webhook) | Change::Update(webhook) => Some(WebhookFields::of(webhook)),
    };
    let kept = match change {
        Change::Update(webhook) => Some(WebhookFields::of(webhook)),
        Change::Create | Change::Replace(_) => None,
    };
    let events = event_filter(
        all_events,
        limit_events,
        kept.as_ref().map(|kept| &kept.events),
    )?;
    let incomplete = || Problems::of_none(Problem::Required);
    Ok(WebhookFields {
        enabled: enabled
            .or(kept.as_ref().map(|kept| kept.enabled))
            .unwrap_or(true),
        target: target
            .or(kept.as_ref().map(|kept| kept.target.clone()))
            .ok_or_else(incomplete)?,
        events,
        action_types: match (action_types, stored) {
            (Some(asked), Some(stored)) => merge(asked, stored.action_types),
            (Some(mut asked), None) => {
                asked.sort();
                asked
            }
            (None, stored) => stored.ok_or_else(incomplete)?.action_types,
        },
        comment: comment.unwrap_or_else(|| kept.and_then(|kept| kept.comment)),
    })
}

type Checked<T> = Result<T, Vec<Problem>>;

fn one<T>(problem: Problem) -> Checked<T> {
    Err(vec![problem])
}

#[derive(Default)]
struct Errors(Problems);

impl Errors {
    fn keep<T>(&mut self, field: &'static str, checked: Checked<Option<T>>) -> Option<T> {
        checked.unwrap_or_else(|problems| {
            self.0.0.push((field, problems));
            None
        })
    }
}

/// The members of a request. A field that was not sent, and need not be, is none.
struct Sent {
    members: Vec<(Text, Json)>,
    /// Nothing need be sent.
    partial: bool,
    /// A check box that is not ticked is not sent.
    is_form: bool,
}

impl Sent {
    fn get(&self, field: &str) -> Option<&Json> {
        let is_field = |key: &Text| key.lone_surrogate.is_none() && key.chars == field;
        self.members
            .iter()
            .find(|(key, _)| is_field(key))
            .map(|(_, value)| value)
    }

    fn required<T>(
        &self,
        field: &str,
        check: impl FnOnce(&Json) -> Checked<T>,
    ) -> Checked<Option<T>> {
        match self.get(field) {
            Some(Json::Null) => one(Problem::Null),
            Some(value) => check(value).map(Some),
            None if self.partial => Ok(None),
            None => one(Problem::Required),
        }
    }

    fn boolean(&self, field: &str) -> Checked<Option<bool>> {
        match self.get(field) {
            Some(Json::Str(text)) if self.is_form && text.chars.is_empty() => Ok(None),
            Some(value) => boolean(value).map(Some),
            None if self.is_form && !self.partial => Ok(Some(false)),
            None => Ok(None),
        }
    }

    fn limit_events(&self, known: impl Fn(&str) -> bool) -> Checked<Option<BTreeSet<EventSlug>>> {
        if self.is_form && !self.partial && self.get("limit_events").is_none() {
            return Ok(Some(BTreeSet::new()));
        }
        self.required("limit_events", |value| limit_events(value, known))
    }
}

fn boolean(value: &Json) -> Checked<bool> {
    let word = match value {
        Json::Null => return one(Problem::Null),
        Json::Bool(value) => return Ok(*value),
        Json::Int(digits) => digits.clone(),
        // Python's 1.0 equals 1.
        Json::Float(number) => number.to_string().trim_start_matches('-').to_owned(),
        Json::Str(text) => text.chars.to_ascii_lowercase(),
        Json::List(_) | Json::Object(_) => String::new(),
    };
    match word.as_str() {
        "t" | "y" | "yes" | "true" | "on" | "1" => Ok(true),
        "f" | "n" | "no" | "false" | "off" | "0" => Ok(false),
        _ => one(Problem::Boolean),
    }
}

fn target_url(value: &Json) -> Checked<TargetUrl> {
    let Json::Str(text) = value else {
        return one(Problem::Url);
    };
    let trimmed = text.chars.trim_matches(python::is_space);
    if trimmed.is_empty() {
        return one(Problem::Blank);
    }
    let mut problems = text_problems(trimmed, text.lone_surrogate, MAX_TARGET_URL);
    let url = trimmed.parse::<TargetUrl>();
    if url.is_err() {
        problems.push(Problem::Url);
    }
    match url {
        Ok(url) if problems.is_empty() => Ok(url),
        _ => Err(problems),
    }
}

/// What is wrong with any text, in pretix's order.
fn text_problems(text: &str, lone_surrogate: Option<u16>, max: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    if text.chars().nth(max).is_some() {
        problems.push(Problem::TooLong(max));
    }
    if text.contains('\0') {
        problems.push(Problem::NullCharacter);
    }
    problems.extend(lone_surrogate.map(Problem::Surrogate));
    problems
}

fn comment(value: &Json) -> Checked<Option<String>> {
    let (text, lone_surrogate) = match value {
        Json::Null => return Ok(None),
        Json::Str(text) => (text.chars.clone(), text.lone_surrogate),
        Json::Int(_) | Json::Float(_) => (python::str(value), None),
        Json::Bool(_) | Json::List(_) | Json::Object(_) => return one(Problem::NoText),
    };
    let trimmed = text.trim_matches(python::is_space);
    let problems = text_problems(trimmed, lone_surrogate, MAX_COMMENT);
    if problems.is_empty() {
        Ok(Some(trimmed.to_owned()))
    } else {
        Err(problems)
    }
}

fn not_a_list<T>(value: &Json) -> Checked<T> {
    one(Problem::NoList(value.python_type()))
}

fn limit_events(value: &Json, known: impl Fn(&str) -> bool) -> Checked<BTreeSet<EventSlug>> {
    let slugs: Vec<(String, bool)> = match value {
        Json::List(items) => items
            .iter()
            .map(|item| {
                (
                    python::str(item),
                    matches!(item, Json::Str(text) if text.lone_surrogate.is_some()),
                )
            })
            .collect(),
        Json::Object(members) => members
            .iter()
            .map(|(key, _)| (key.chars.clone(), key.lone_surrogate.is_some()))
            .collect(),
        _ => return not_a_list(value),
    };
    let mut found = BTreeSet::new();
    for (slug, unreadable) in slugs {
        // What pretix's database cannot be asked about.
        if unreadable || slug.contains('\0') {
            return one(Problem::Value);
        }
        match slug.parse() {
            Ok(event) if known(&slug) => found.insert(event),
            _ => return one(Problem::NoSuchEvent(slug)),
        };
    }
    Ok(found)
}

fn action_types(value: &Json, selectable: impl Fn(&str) -> bool) -> Checked<Vec<ActionName>> {
    let names: Vec<String> = match value {
        Json::List(items) => items.iter().map(python::str).collect(),
        Json::Object(members) => members.iter().map(|(key, _)| key.chars.clone()).collect(),
        Json::Str(text) => text.chars.chars().map(String::from).collect(),
        _ => return not_a_list(value),
    };
    names
        .into_iter()
        .map(|name| match name.parse() {
            Ok(action) if selectable(&name) => Ok(action),
            _ => one(Problem::NoSuchActionType(name)),
        })
        .collect()
}

/// As pretix compares sets: doubles in the request collapse, doubles already stored stay as long as the name does.
fn merge(asked: Vec<ActionName>, stored: Vec<ActionName>) -> Vec<ActionName> {
    let asked: BTreeSet<_> = asked.into_iter().collect();
    let known: BTreeSet<_> = stored.iter().cloned().collect();
    let mut merged: Vec<_> = stored
        .into_iter()
        .filter(|name| asked.contains(name))
        .collect();
    merged.extend(asked.difference(&known).cloned());
    merged.sort();
    merged
}

/// Joins the two fields, of which those not sent are `kept` or get their defaults.
fn event_filter(
    all_events: Option<bool>,
    limit_events: Option<BTreeSet<EventSlug>>,
    kept: Option<&EventFilter>,
) -> Result<EventFilter, Problems> {
    let (kept_all, kept_limit) = match kept {
        None => (None, BTreeSet::new()),
        Some(EventFilter::All) => (Some(true), BTreeSet::new()),
        Some(EventFilter::Only(slugs)) => (Some(false), slugs.clone()),
    };
    let limit = limit_events.unwrap_or(kept_limit);
    match all_events.or(kept_all).unwrap_or(limit.is_empty()) {
        true if limit.is_empty() => Ok(EventFilter::All),
        true => Err(Problems::of_none(Problem::AllAndSome)),
        false => Ok(EventFilter::Only(limit)),
    }
}

#[cfg(test)]
#[path = "webhook_fields_tests.rs"]
mod tests;
