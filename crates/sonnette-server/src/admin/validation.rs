//! Reads the members of a request's object one by one, and keeps all that is wrong with them.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sonnette::domain::{EmailAddress, InvalidChoice};
use uuid::Uuid;

use crate::rest::error::{ApiError, Messages};
use crate::rest::lists::INVALID_TIME;

const REQUIRED: &str = "This field is required.";
const NULL: &str = "This field may not be null.";
const CONTROL: &str = "Control characters are not allowed.";

/// E-mail addresses that a list of contacts may have.
pub(crate) const MOST_CONTACTS: usize = 20;

/// Whether mail about webhooks can be sent there.
pub(crate) fn is_contact(text: &str) -> bool {
    let address: Result<EmailAddress, _> = text.parse();
    address.is_ok_and(|address| address.is_plain())
}

/// A value that was sent, and may have been null: not the same as a value that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nullable<T>(pub(crate) Option<T>);

/// Members still to be read, and what was wrong with those that have been.
pub(crate) struct Fields {
    members: Map<String, Value>,
    errors: Messages,
}

impl Fields {
    /// The members of an object.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            errors: Messages::new(),
        }
    }

    /// Adds an error.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        let message = message.into();
        match self.errors.iter_mut().find(|(known, _)| known == name) {
            Some((_, messages)) => messages.push(message),
            None => self.errors.push((name.to_owned(), vec![message])),
        }
    }

    /// Takes a member as it is; null counts.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Reads a member that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if self.members.contains_key(name) {
            return read(self, name);
        }
        self.refuse(name, REQUIRED);
        None
    }

    fn some(&mut self, name: &str) -> Option<Value> {
        match self.take(name)? {
            Value::Null => {
                self.refuse(name, NULL);
                None
            }
            value => Some(value),
        }
    }

    /// A text without NUL of at most `max` characters; white space around it is cut off.
    pub(crate) fn text(&mut self, name: &str, max: usize) -> Option<String> {
        let Value::String(text) = self.some(name)? else {
            self.refuse(name, "Not a valid string.");
            return None;
        };
        let text = text.trim();
        if text.chars().nth(max).is_some() {
            self.refuse(
                name,
                format!("Ensure this field has no more than {max} characters."),
            );
        } else if text.contains('\0') {
            self.refuse(name, "Null characters are not allowed.");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// A text that must not be blank.
    pub(crate) fn filled(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.text(name, max)?;
        if text.is_empty() {
            self.refuse(name, "This field may not be blank.");
            return None;
        }
        Some(text)
    }

    /// The same without control characters: a name that stands in the heads of mails.
    pub(crate) fn line(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.filled(name, max)?;
        if text.chars().any(char::is_control) {
            self.refuse(name, CONTROL);
            return None;
        }
        Some(text)
    }

    /// A text that means something.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.filled(name, 1024)?;
        match text.parse::<T>() {
            Ok(value) => Some(value),
            Err(error) => {
                let message: String = error.to_string();
                self.refuse(name, message);
                None
            }
        }
    }

    /// A UUID, in any of its usual forms.
    pub(crate) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let value = self.some(name)?;
        let uuid = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        if uuid.is_none() {
            self.refuse(name, "Must be a valid UUID.");
        }
        uuid
    }

    /// A boolean, in any of the forms that pretix takes.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.some(name)?;
        if !value.is_boolean() {
            self.refuse(name, "Must be a valid boolean.");
        }
        value.as_bool()
    }

    /// A whole number from `min` to `max`, or null.
    pub(crate) fn maybe_number(&mut self, name: &str, min: u32, max: u32) -> Option<Nullable<u32>> {
        let value = self.take(name)?;
        if value.is_null() {
            return Some(Nullable(None));
        }
        let number = value
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.refuse(
                name,
                format!("Enter a whole number from {min} to {max}, or null."),
            );
        }
        number.map(|number| Nullable(Some(number)))
    }

    /// A point in time, or null.
    pub(crate) fn maybe_time(&mut self, name: &str) -> Option<Nullable<Timestamp>> {
        let value = self.take(name)?;
        let time = value.as_str().and_then(|text| text.parse().ok());
        if time.is_none() && !value.is_null() {
            self.refuse(name, INVALID_TIME);
            return None;
        }
        Some(Nullable(time))
    }

    /// A list of words, doubles dropped.
    pub(crate) fn words<T>(&mut self, name: &str) -> Option<Vec<T>>
    where
        T: FromStr<Err = InvalidChoice> + PartialEq,
    {
        let texts = self.texts(name)?;
        let mut words = Vec::with_capacity(texts.len());
        for text in texts {
            match text.parse::<T>() {
                Ok(word) if words.contains(&word) => {}
                Ok(word) => words.push(word),
                Err(error) => {
                    self.refuse(name, error.to_string());
                    return None;
                }
            }
        }
        Some(words)
    }

    /// A list of e-mail addresses.
    pub(crate) fn emails(&mut self, name: &str) -> Option<Vec<String>> {
        let texts = self.texts(name)?;
        if texts.len() > MOST_CONTACTS {
            let message = format!("Ensure this field has no more than {MOST_CONTACTS} elements.");
            self.refuse(name, message);
            return None;
        }
        if let Some(wrong) = texts.iter().find(|text| !is_contact(text)) {
            self.refuse(name, format!("\"{wrong}\" is not a valid email address."));
            return None;
        }
        Some(texts)
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.some(name)?;
        let Value::Array(items) = value else {
            self.refuse(name, "Expected a list of items.");
            return None;
        };
        let texts: Option<Vec<String>> = items
            .into_iter()
            .map(|item: Value| item.as_str().map(str::to_owned))
            .collect();
        if texts.is_none() {
            self.refuse(name, "Not a valid string.");
        }
        texts
    }

    /// Refuses whatever nobody has asked for.
    pub(crate) fn refuse_the_rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.members) {
            self.refuse(&name, "Unknown field.");
        }
    }

    /// Whether all of it made sense.
    pub(crate) fn finish(&mut self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Fields(std::mem::take(&mut self.errors)))
        }
    }

    /// `value`, if all of it made sense; a value that is still missing was required.
    pub(crate) fn demand<T>(value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| ApiError::field("non_field_errors", REQUIRED))
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
    fn collects_every_error() {
        let mut fields = fields(
            json!({"name": 5, "on": "yes", "limit": 0, "at": "soon", "x": 1, "nothing": null}),
        );
        assert_eq!(fields.text("name", 9), None);
        assert_eq!(fields.boolean("on"), None);
        assert_eq!(fields.maybe_number("limit", 1, 9), None);
        assert_eq!(fields.maybe_time("at"), None);
        assert_eq!(fields.filled("nothing", 9), None);
        fields.refuse_the_rest();
        let Err(ApiError::Fields(errors)) = fields.finish() else {
            panic!("no errors")
        };
        let names: Vec<_> = errors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["name", "on", "limit", "at", "nothing", "x"]);
    }

    #[test]
    fn a_line_is_one() {
        for text in ["a\r\nBcc: b", "a\tb", "\u{1b}[1m", "\u{85}x\u{9f}x"] {
            let mut fields = fields(json!({ "name": text }));
            assert_eq!(fields.line("name", 99), None);
            let Err(ApiError::Fields(errors)) = fields.finish() else {
                panic!("no errors")
            };
            assert_eq!(errors, [("name".to_owned(), vec![CONTROL.to_owned()])]);
        }
        let mut fields = fields(json!({"name": "Été & fils"}));
        assert_eq!(fields.line("name", 99).as_deref(), Some("Été & fils"));
    }

    #[test]
    fn reads_what_is_right() {
        let mut fields = fields(json!({"name": " a ", "limit": null, "mails": ["a@b.example"]}));
        assert_eq!(fields.filled("name", 1).as_deref(), Some("a"));
        assert_eq!(fields.maybe_number("limit", 1, 9), Some(Nullable(None)));
        assert_eq!(fields.emails("mails"), Some(vec!["a@b.example".to_owned()]));
        assert!(fields.finish().is_ok());
    }
}
