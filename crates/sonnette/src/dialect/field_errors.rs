//! Validation errors by field.

use std::fmt;

/// The most errors that are reported at once.
pub(super) const MAX_ERRORS: usize = 50;

/// The longest key in a path, in characters; longer ones are cut.
const MAX_KEY_CHARS: usize = 100;

/// Validation errors: pairs of a dotted path (`data.price.uuid`) and a sentence, at most 50.
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

    /// Adds an error, unless it is a duplicate or the limit is reached.
    pub(super) fn push(&mut self, path: String, message: String) {
        let error = (path, message);
        if self.0.len() < MAX_ERRORS && !self.0.contains(&error) {
            self.0.push(error);
        }
    }
}

/// The path of a member of the value at `path`.
pub(super) fn child_path(path: &str, key: &str) -> String {
    format!("{path}.{}", cut(key))
}

/// The key, or its first characters.
pub(super) fn cut(key: &str) -> String {
    match key.char_indices().nth(MAX_KEY_CHARS) {
        Some((at, _)) => format!("{}…", &key[..at]),
        None => key.to_owned(),
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
