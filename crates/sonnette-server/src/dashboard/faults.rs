//! What is wrong with a form, beside its fields.

use super::posted::Posted;
use super::words::Words;
use crate::admin::validation::{self, Violation};

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
        self.check(w, posted, field, |text| validation::text(text, max))
    }

    /// The same, not blank.
    pub(crate) fn filled(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        max: usize,
    ) -> String {
        self.check(w, posted, field, |text| validation::filled_text(text, max))
    }

    /// The same without control characters: a name that stands in the heads of mails.
    pub(crate) fn line(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        max: usize,
    ) -> String {
        self.check(w, posted, field, |text| validation::single_line(text, max))
    }

    /// A field of the form as it was sent; a violation is added to the messages.
    fn check(
        &mut self,
        w: &Words,
        posted: &Posted,
        field: &'static str,
        check: impl FnOnce(&str) -> Result<&str, Violation>,
    ) -> String {
        let text = posted.get(field);
        match check(text) {
            Ok(_) => {}
            Err(Violation::TooLong { max }) => self.add(field, w.n("fault-too-long", max)),
            Err(Violation::NullCharacter) => self.add(field, w.t("fault-null-characters")),
            Err(Violation::ControlCharacter) => self.add(field, w.t("fault-control-characters")),
            Err(_) => self.add(field, w.t("fault-required")),
        }
        text.to_owned()
    }
}
