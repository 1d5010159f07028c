//! What is wrong with an input, field by field.

use std::fmt;

/// At most so many are reported at once.
pub(super) const MAX_ERRORS: usize = 50;

/// What is wrong with an input: pairs of a dotted path (`data.price.uuid`) and a sentence. At most 50.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(pub Vec<(String, String)>);

impl FieldErrors {
    /// A single error.
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![(path.into(), message.into())])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages of each path, paths in the order of their first error.
    pub fn grouped(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for (path, message) in &self.0 {
            match groups.iter_mut().find(|(known, _)| known == path) {
                Some((_, messages)) => messages.push(message),
                None => groups.push((path, vec![message])),
            }
        }
        groups
    }

    /// Adds an error, unless there are enough already or it was said before.
    pub(super) fn push(&mut self, path: String, message: String) {
        let error = (path, message);
        if self.0.len() < MAX_ERRORS && !self.0.contains(&error) {
            self.0.push(error);
        }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (path, message)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{path}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}
