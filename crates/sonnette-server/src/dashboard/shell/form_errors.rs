//! What is wrong with a form, beside its fields.

use super::form_data::FormData;
use super::texts::Texts;

/// Messages by field; the first of a field counts.
#[derive(Default)]
pub(crate) struct FormErrors(Vec<(&'static str, String)>);

impl FormErrors {
    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a message.
    pub(crate) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push((field, message.into()));
    }

    /// What is wrong with a field.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == field)
            .map(|(_, message)| message.as_str())
    }

    /// A text without NUL of at most `max` characters.
    pub(crate) fn text(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = form.get(field);
        if text.chars().nth(max).is_some() {
            self.add(field, texts.get_count("field-error-too-long", max));
        } else if text.contains('\0') {
            self.add(field, texts.get("field-error-null-characters"));
        }
        text.to_owned()
    }

    /// The same, not blank.
    pub(crate) fn required_text(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = self.text(texts, form, field, max);
        if text.is_empty() {
            self.add(field, texts.get("field-error-required"));
        }
        text
    }

    /// The same without control characters: a name that stands in the heads of mails.
    pub(crate) fn line(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = self.required_text(texts, form, field, max);
        if text.chars().any(char::is_control) {
            self.add(field, texts.get("field-error-control-characters"));
        }
        text
    }
}
