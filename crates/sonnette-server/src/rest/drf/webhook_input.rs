//! Reads a webhook from the body of a request as leniently as pretix does.

use std::collections::BTreeSet;

use sonnette::domain::{ActionTypeName, EventSlug, TargetUrl};

use super::error::DrfError;
use super::json::{Json, Text};
use super::media::ParsedBody;
use super::python;
use crate::admin::validation::{Nullable, Violation};
use crate::admin::webhooks::fields::{
    self, MAX_COMMENT_CHARS, WebhookFields, WebhookInput, WriteMode, text_violations,
};
use crate::rest::violation_text::violation_text;

/// The key of a violation that belongs to no field alone.
const NON_FIELD_ERRORS: &str = "non_field_errors";

/// Reads and checks a request. `is_known_event` tells the slugs of the organizer's events, `is_selectable` the names
/// that may stand in `action_types`.
///
/// # Errors
/// 400 with the messages of every wrong field, or of the rule across fields if each field is right by itself.
pub(crate) fn parse_webhook(
    change: WriteMode<'_>,
    payload: ParsedBody,
    is_known_event: impl Fn(&str) -> bool,
    is_selectable: impl Fn(&str) -> bool,
) -> Result<WebhookFields, DrfError> {
    let members = Members {
        values: payload.json.into_object()?,
        partial: matches!(change, WriteMode::Update(_)),
        is_form: payload.is_form,
    };
    let mut errors = Errors::default();
    let input = WebhookInput {
        enabled: errors.keep("enabled", members.boolean("enabled")),
        target: errors.keep("target_url", members.required("target_url", target_url)),
        all_events: errors.keep("all_events", members.boolean("all_events")),
        limit_events: errors.keep("limit_events", members.limit_events(is_known_event)),
        action_types: errors.keep(
            "action_types",
            members.required("action_types", |value| action_types(value, is_selectable)),
        ),
        comment: errors.keep("comment", members.get("comment").map(comment).transpose()),
    };
    if !errors.0.is_empty() {
        return Err(DrfError::fields(errors.0));
    }
    input
        .complete(change)
        .map_err(|violation| DrfError::fields([(NON_FIELD_ERRORS, texts(&[violation]))]))
}

type FieldResult<T> = Result<T, Vec<Violation>>;

fn one<T>(violation: Violation) -> FieldResult<T> {
    Err(vec![violation])
}

fn texts(violations: &[Violation]) -> Vec<String> {
    violations
        .iter()
        .map(|violation| violation_text(violation).into_owned())
        .collect()
}

/// The messages of the wrong fields, in the order of the fields.
#[derive(Default)]
struct Errors(Vec<(&'static str, Vec<String>)>);

impl Errors {
    fn keep<T>(&mut self, field: &'static str, checked: FieldResult<Option<T>>) -> Option<T> {
        checked.unwrap_or_else(|violations| {
            self.0.push((field, texts(&violations)));
            None
        })
    }
}

/// The members of a request. A field that was not sent and is not required is `None`.
struct Members {
    values: Vec<(Text, Json)>,
    /// Whether no field is required.
    partial: bool,
    /// Whether a missing boolean means `false`: browsers do not send check boxes that are not ticked.
    is_form: bool,
}

impl Members {
    fn get(&self, field: &str) -> Option<&Json> {
        let is_field = |key: &Text| key.lone_surrogate.is_none() && key.chars == field;
        self.values
            .iter()
            .find(|(key, _)| is_field(key))
            .map(|(_, value)| value)
    }

    fn required<T>(
        &self,
        field: &str,
        check: impl FnOnce(&Json) -> FieldResult<T>,
    ) -> FieldResult<Option<T>> {
        match self.get(field) {
            Some(Json::Null) => one(Violation::Null),
            Some(value) => check(value).map(Some),
            None if self.partial => Ok(None),
            None => one(Violation::Required),
        }
    }

    fn boolean(&self, field: &str) -> FieldResult<Option<bool>> {
        match self.get(field) {
            Some(Json::Str(text)) if self.is_form && text.chars.is_empty() => Ok(None),
            Some(value) => boolean(value).map(Some),
            None if self.is_form && !self.partial => Ok(Some(false)),
            None => Ok(None),
        }
    }

    fn limit_events(
        &self,
        is_known: impl Fn(&str) -> bool,
    ) -> FieldResult<Option<BTreeSet<EventSlug>>> {
        if self.is_form && !self.partial && self.get("limit_events").is_none() {
            return Ok(Some(BTreeSet::new()));
        }
        self.required("limit_events", |value| limit_events(value, is_known))
    }
}

fn boolean(value: &Json) -> FieldResult<bool> {
    let word = match value {
        Json::Null => return one(Violation::Null),
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
        _ => one(Violation::NotBoolean),
    }
}

fn target_url(value: &Json) -> FieldResult<TargetUrl> {
    let Json::Str(text) = value else {
        return one(Violation::NotUrl);
    };
    let checked = fields::target_url(text.chars.trim_matches(python::is_space));
    let Some(surrogate) = text.lone_surrogate else {
        return checked;
    };
    // pretix reports the surrogate after the length and before the form of the URL.
    let mut violations = checked.err().unwrap_or_default();
    let is_last = |violation: &Violation| *violation == Violation::NotUrl;
    let at = violations.iter().position(is_last);
    violations.insert(
        at.unwrap_or(violations.len()),
        Violation::LoneSurrogate(surrogate),
    );
    Err(violations)
}

fn comment(value: &Json) -> FieldResult<Nullable<String>> {
    let (text, lone_surrogate) = match value {
        Json::Null => return Ok(Nullable(None)),
        Json::Str(text) => (text.chars.clone(), text.lone_surrogate),
        Json::Int(_) | Json::Float(_) => (python::str(value), None),
        Json::Bool(_) | Json::List(_) | Json::Object(_) => return one(Violation::NotText),
    };
    let trimmed = text.trim_matches(python::is_space);
    let mut violations = text_violations(trimmed, MAX_COMMENT_CHARS);
    violations.extend(lone_surrogate.map(Violation::LoneSurrogate));
    if violations.is_empty() {
        Ok(Nullable(Some(trimmed.to_owned())))
    } else {
        Err(violations)
    }
}

fn not_a_list<T>(value: &Json) -> FieldResult<T> {
    one(Violation::NotList(Some(value.python_type())))
}

fn limit_events(value: &Json, is_known: impl Fn(&str) -> bool) -> FieldResult<BTreeSet<EventSlug>> {
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
    // A database cannot be asked for such a slug; pretix reports it before any unknown one that follows.
    let comparable =
        |(slug, has_surrogate): &(String, bool)| !has_surrogate && !slug.contains('\0');
    let count = slugs.iter().take_while(|slug| comparable(slug)).count();
    let all_comparable = count == slugs.len();
    let slugs = slugs.into_iter().take(count).map(|(slug, _)| slug);
    match fields::limit_events(slugs, is_known) {
        Ok(_) if !all_comparable => one(Violation::NotComparable),
        checked => checked.map_err(|violation| vec![violation]),
    }
}

fn action_types(
    value: &Json,
    is_selectable: impl Fn(&str) -> bool,
) -> FieldResult<Vec<ActionTypeName>> {
    let names: Vec<String> = match value {
        Json::List(items) => items.iter().map(python::str).collect(),
        Json::Object(members) => members.iter().map(|(key, _)| key.chars.clone()).collect(),
        Json::Str(text) => text.chars.chars().map(String::from).collect(),
        _ => return not_a_list(value),
    };
    fields::action_types(names, is_selectable).map_err(|violation| vec![violation])
}

#[cfg(test)]
#[path = "webhook_input_tests.rs"]
mod tests;
