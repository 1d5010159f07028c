//! Reads the members of a JSON object one by one, and collects what is wrong with them.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};
use sonnette::domain::{InvalidChoice, UtcDateTime};
use uuid::Uuid;

use super::violation_text::violation_text;
use crate::admin::validation::{self, MAX_PARSED_CHARS, Nullable, Violation};
use crate::edge::error::{ApiError, FieldMessages};

/// Messages that are collected; a request with more mistakes learns the rest after it has mended these.
pub(crate) const MAX_MESSAGES: usize = 50;
/// Characters of a name that is repeated in a message.
const MAX_SHOWN_NAME_CHARS: usize = 100;

/// The first [`MAX_MESSAGES`] messages of several entries, in their order. Entries beyond them are left out.
pub(crate) fn first_messages(
    entries: impl IntoIterator<Item = (usize, FieldMessages)>,
) -> Vec<(usize, FieldMessages)> {
    let mut rest = MAX_MESSAGES;
    let mut kept = Vec::new();
    for (index, fields) in entries {
        if rest == 0 {
            break;
        }
        let mut messages = FieldMessages::new();
        for (name, mut texts) in fields {
            texts.truncate(rest);
            rest -= texts.len();
            if !texts.is_empty() {
                messages.push((name, texts));
            }
        }
        kept.push((index, messages));
    }
    kept
}

/// The members that are not read yet, and what is wrong with those that are.
///
/// Each reading method returns `None` for a member that was not sent and for one that is wrong; the second also adds a
/// message, and [`Fields::finish`] fails.
pub(crate) struct Fields {
    members: Map<String, Value>,
    messages: FieldMessages,
}

impl Fields {
    /// The members of an object.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            messages: FieldMessages::new(),
        }
    }

    /// Adds a message about a member, unless there are too many already.
    pub(crate) fn add_error(&mut self, name: &str, message: impl Into<Cow<'static, str>>) {
        if self.messages.len() >= MAX_MESSAGES {
            return;
        }
        let message = message.into().into_owned();
        match self.messages.iter_mut().find(|(known, _)| known == name) {
            Some((_, messages)) => messages.push(message),
            None => self.messages.push((name.to_owned(), vec![message])),
        }
    }

    /// The value of a check, or a message about the member.
    pub(crate) fn check<T>(&mut self, name: &str, checked: Result<T, Violation>) -> Option<T> {
        checked
            .map_err(|violation| self.add_error(name, violation_text(&violation)))
            .ok()
    }

    /// Takes a member as it is, null included.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Takes a member; null counts as not sent.
    pub(crate) fn take_non_null(&mut self, name: &str) -> Option<Value> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// Refuses a member that is sent with another value than this one.
    pub(crate) fn require_unchanged(&mut self, name: &str, value: &str, message: &'static str) {
        if self.take(name).is_some_and(|sent| sent != value) {
            self.add_error(name, message);
        }
    }

    /// Reads a member that must be sent.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if self.members.contains_key(name) {
            return read(self, name);
        }
        self.check(name, Err(Violation::Required))
    }

    fn non_null(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name)?;
        let checked = if value.is_null() {
            Err(Violation::Null)
        } else {
            Ok(value)
        };
        self.check(name, checked)
    }

    fn string(&mut self, name: &str) -> Option<String> {
        let checked = match self.non_null(name)? {
            Value::String(text) => Ok(text),
            _ => Err(Violation::NotText),
        };
        self.check(name, checked)
    }

    /// A [`validation::text`].
    pub(crate) fn text(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.string(name)?;
        let checked = validation::text(&text, max).map(str::to_owned);
        self.check(name, checked)
    }

    /// A [`validation::filled_text`].
    pub(crate) fn filled_text(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.string(name)?;
        let checked = validation::filled_text(&text, max).map(str::to_owned);
        self.check(name, checked)
    }

    /// A [`validation::single_line`].
    pub(crate) fn single_line(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.string(name)?;
        let checked = validation::single_line(&text, max).map(str::to_owned);
        self.check(name, checked)
    }

    /// A text that parses into a value.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.string(name)?;
        self.check(name, validation::parsed(&text, MAX_PARSED_CHARS))
    }

    /// A UUID, in any of its usual forms.
    pub(crate) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let value = self.non_null(name)?;
        let uuid = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        self.check(name, uuid.ok_or(Violation::NotUuid))
    }

    /// A JSON boolean.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.non_null(name)?;
        self.check(name, value.as_bool().ok_or(Violation::NotBoolean))
    }

    /// A whole number in the range, or null.
    pub(crate) fn nullable_integer(
        &mut self,
        name: &str,
        range: &RangeInclusive<u32>,
    ) -> Option<Nullable<u32>> {
        let value = self.take(name)?;
        if value.is_null() {
            return Some(Nullable(None));
        }
        let number = self.check(name, validation::integer(value.as_u64(), range));
        number.map(|number| Nullable(Some(number)))
    }

    /// A date and time, or null.
    pub(crate) fn nullable_time(&mut self, name: &str) -> Option<Nullable<UtcDateTime>> {
        let value = self.take(name)?;
        if value.is_null() {
            return Some(Nullable(None));
        }
        let checked = value
            .as_str()
            .ok_or(Violation::NotTime)
            .and_then(validation::time);
        self.check(name, checked).map(|time| Nullable(Some(time)))
    }

    /// A list of words of a closed set, each once.
    pub(crate) fn choices<T: FromStr<Err = InvalidChoice> + PartialEq>(
        &mut self,
        name: &str,
    ) -> Option<Vec<T>> {
        let texts = self.texts(name)?;
        let texts = texts.iter().map(String::as_str);
        self.check(name, validation::choices(texts))
    }

    /// A list of e-mail addresses.
    pub(crate) fn contact_emails(&mut self, name: &str) -> Option<Vec<String>> {
        let texts = self.texts(name)?;
        self.check(name, validation::contact_emails(texts))
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let checked = match self.non_null(name)? {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(Violation::NotText),
                })
                .collect(),
            _ => Err(Violation::NotList(None)),
        };
        self.check(name, checked)
    }

    /// Refuses every member that nothing has read.
    pub(crate) fn refuse_unknown(&mut self) {
        for (name, _) in std::mem::take(&mut self.members)
            .into_iter()
            .take(MAX_MESSAGES)
        {
            let name: String = name.chars().take(MAX_SHOWN_NAME_CHARS).collect();
            self.add_error(&name, violation_text(&Violation::UnknownField));
        }
    }

    /// Fails with all messages if there is one.
    pub(crate) fn finish(&mut self) -> Result<(), ApiError> {
        if self.messages.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Fields(std::mem::take(&mut self.messages)))
        }
    }

    /// A value that [`Fields::required`] read, once [`Fields::finish`] has passed.
    pub(crate) fn unwrap_required<T>(value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| {
            ApiError::field(
                "non_field_errors",
                violation_text(&Violation::Required).into_owned(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        let Value::Object(members) = value else {
            panic!("no object")
        };
        Fields::new(members)
    }

    #[test]
    fn collects_every_violation() {
        let mut fields = fields(
            json!({"name": 5, "on": "yes", "limit": 0, "at": "soon", "x": 1, "nothing": null}),
        );
        assert_eq!(fields.text("name", 9), None);
        assert_eq!(fields.boolean("on"), None);
        assert_eq!(fields.nullable_integer("limit", &(1..=9)), None);
        assert_eq!(fields.nullable_time("at"), None);
        assert_eq!(fields.filled_text("nothing", 9), None);
        fields.refuse_unknown();
        let Err(ApiError::Fields(errors)) = fields.finish() else {
            panic!("no errors")
        };
        let names: Vec<_> = errors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["name", "on", "limit", "at", "nothing", "x"]);
    }

    #[test]
    fn collects_a_bounded_number_of_violations() {
        let members = (0..100_000).map(|number| (format!("{number:0>200}"), Value::Null));
        let mut fields = Fields::new(members.collect());
        fields.refuse_unknown();
        let Err(ApiError::Fields(errors)) = fields.finish() else {
            panic!("no errors")
        };
        assert!(errors.iter().map(|(_, texts)| texts.len()).sum::<usize>() <= MAX_MESSAGES);
        assert!(
            errors
                .iter()
                .all(|(name, _)| name.len() <= MAX_SHOWN_NAME_CHARS)
        );
    }

    #[test]
    fn reads_valid_members() {
        let mut fields = fields(json!({"name": " a ", "limit": null, "mails": ["a@b.example"]}));
        assert_eq!(fields.filled_text("name", 1).as_deref(), Some("a"));
        let limit = fields.nullable_integer("limit", &(1..=9));
        assert_eq!(limit, Some(Nullable(None)));
        let mails = vec!["a@b.example".to_owned()];
        assert_eq!(fields.contact_emails("mails"), Some(mails));
        assert!(fields.finish().is_ok());
    }
}
