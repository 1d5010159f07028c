//! The names of action types.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The text cannot name an action type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter a dotted lower-case name of at most 100 characters, such as order.placed.")]
pub struct InvalidActionTypeName;

/// The name of an action type, concrete (`pretix.event.order.placed`) or a wildcard (`pretix.event.order.changed.*`).
///
/// Words of `a–z`, `0–9`, `_` and `-` between dots; at least two words, at most 100 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionTypeName(Arc<str>);

impl ActionTypeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name ends in `.*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with(".*")
    }

    /// Whether this name, used as a filter, matches `concrete`: it is the same name or a wildcard over it.
    pub fn matches(&self, concrete: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => concrete.len() > stem.len() && concrete.starts_with(stem),
            None => &*self.0 == concrete,
        }
    }

    /// The first word, which identifies the dialect.
    pub fn first_word(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

/// All wildcards that match `concrete`, the longest first: `a.b.c` gives `a.b.*`, `a.*`.
pub(crate) fn matching_wildcards(concrete: &str) -> impl Iterator<Item = String> + '_ {
    concrete
        .rmatch_indices('.')
        .map(|(at, _)| format!("{}.*", &concrete[..at]))
}

impl FromStr for ActionTypeName {
    type Err = InvalidActionTypeName;

    fn from_str(text: &str) -> Result<Self, InvalidActionTypeName> {
        let stem = text.strip_suffix(".*").unwrap_or(text);
        let word = |w: &str| {
            !w.is_empty()
                && w.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-')
                })
        };
        let dotted = text.contains('.') && stem.split('.').all(word);
        if dotted && text.len() <= 100 {
            Ok(Self(text.into()))
        } else {
            Err(InvalidActionTypeName)
        }
    }
}

impl TryFrom<String> for ActionTypeName {
    type Error = InvalidActionTypeName;

    fn try_from(text: String) -> Result<Self, InvalidActionTypeName> {
        text.parse()
    }
}

impl From<ActionTypeName> for String {
    fn from(name: ActionTypeName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl Borrow<str> for ActionTypeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ActionTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
#[path = "action_type_name_tests.rs"]
mod tests;
