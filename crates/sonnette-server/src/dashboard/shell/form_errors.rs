//! What is wrong with a form, beside its fields.

use super::form_data::Posted;
use super::texts::Words;

/// Messages by field; the first of a field counts.
#[derive(Default)]
pub(crate) struct Faults(Vec<(&'static str, String)>);

impl Faults {
    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a message.
    pub(crate) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push((field, message.into()));
    }

    /// What is wrong with a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == field)
            .map(|(_, message)| message.as_str())
    }

    /// A text without NUL of at most `max` characters.
    pub(crate) fn text(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = posted.get(field);
        if text.chars().nth(max).is_some() {
            self.add(field, w.n("fault-too-long", max));
        } else if text.contains('\0') {
            self.add(field, w.t("fault-null-characters"));
        }
        text.to_owned()
    }

    /// The same, not blank.
    pub(crate) fn filled(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = self.text(w, posted, field, max);
        if text.is_empty() {
            self.add(field, w.t("fault-required"));
        }
        text
    }

    /// The same without control characters: a name that stands in the heads of mails.
    pub(crate) fn line(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        max: usize,
    ) -> String {
        let text = self.filled(w, posted, field, max);
        if text.chars().any(char::is_control) {
            self.add(field, w.t("fault-control-characters"));
        }
        text
    }
}
