//! Error messages beside the fields of a form.

use super::form_data::FormData;
use super::texts::Texts;
use crate::admin::validation::{self, Violation};

/// Error messages with the names of their fields. Of several messages of a field, the first is shown.
#[derive(Default)]
pub(crate) struct FormErrors(Vec<(&'static str, String)>);

impl FormErrors {
    /// Whether there are no errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a message to a field.
    pub(crate) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push((field, message.into()));
    }

    /// The message of a field.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == field)
            .map(|(_, message)| message.as_str())
    }

    /// The value of a field, checked by [`validation::text`].
    pub(crate) fn text(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        self.check(texts, form, field, |text| validation::text(text, max))
    }

    /// The value of a field, checked by [`validation::filled_text`].
    pub(crate) fn filled_text(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        self.check(texts, form, field, |text| {
            validation::filled_text(text, max)
        })
    }

    /// The value of a field, checked by [`validation::single_line`].
    pub(crate) fn single_line(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        max: usize,
    ) -> String {
        self.check(texts, form, field, |text| {
            validation::single_line(text, max)
        })
    }

    /// The value of a field as it was sent; adds a message if the check fails.
    fn check(
        &mut self,
        texts: &Texts,
        form: &FormData,
        field: &'static str,
        check: impl FnOnce(&str) -> Result<&str, Violation>,
    ) -> String {
        let text = form.get(field);
        if let Err(violation) = check(text) {
            self.add(field, violation_text(texts, &violation));
        }
        text.to_owned()
    }
}

fn violation_text(texts: &Texts, violation: &Violation) -> String {
    match violation {
        Violation::TooLong { max } => texts.get_count("field-error-too-long", *max),
        Violation::NullCharacter => texts.get("field-error-null-characters").into_owned(),
        Violation::ControlCharacter => texts.get("field-error-control-characters").into_owned(),
        _ => texts.get("field-error-required").into_owned(),
    }
}
