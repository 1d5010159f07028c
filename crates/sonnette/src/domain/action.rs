//! Names of action types.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OrganizerId, PayloadShape};

/// The text cannot name an action type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter a dotted lower-case name of at most 100 characters, such as order.placed.")]
pub struct InvalidActionName;

/// The name of an action type, concrete (`pretix.event.order.placed`) or a wildcard (`pretix.event.order.changed.*`).
///
/// Words of `a–z`, `0–9`, `_` and `-` between dots; at least two words, at most 100 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionName(Arc<str>);

impl ActionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name ends in `.*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with(".*")
    }

    /// Whether this name, taken as a filter, is `concrete` itself or a wildcard over it.
    pub fn covers(&self, concrete: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => concrete.len() > stem.len() && concrete.starts_with(stem),
            None => &*self.0 == concrete,
        }
    }

    /// The first word, which tells the dialect.
    pub fn first_word(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

/// An action type that an operator or organizer registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredAction {
    /// Assigned by the store, rising; 0 for one of the configuration file.
    pub id: i64,
    /// For whom; none: for all.
    pub organizer: Option<OrganizerId>,
    /// A wildcard only for pretix names.
    pub name: ActionName,
    /// For people.
    pub description: String,
    /// JSON Schema (draft 2020-12) of its input; without one any object passes.
    pub schema: Option<serde_json::Value>,
    /// An input that fits.
    pub example: Option<serde_json::Value>,
    /// How a body is made of an input.
    pub shape: PayloadShape,
    /// Whether the configuration file says so: it goes when its entry goes.
    pub from_file: bool,
}

/// All wildcards that could cover `concrete`, the longest first: `a.b.c` gives `a.b.*`, `a.*`.
pub(crate) fn covering_wildcards(concrete: &str) -> impl Iterator<Item = String> + '_ {
    concrete
        .rmatch_indices('.')
        .map(|(at, _)| format!("{}.*", &concrete[..at]))
}

impl FromStr for ActionName {
    type Err = InvalidActionName;

    fn from_str(text: &str) -> Result<Self, InvalidActionName> {
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
            Err(InvalidActionName)
        }
    }
}

impl TryFrom<String> for ActionName {
    type Error = InvalidActionName;

    fn try_from(text: String) -> Result<Self, InvalidActionName> {
        text.parse()
    }
}

impl From<ActionName> for String {
    fn from(name: ActionName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl Borrow<str> for ActionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
#[path = "action_tests.rs"]
mod tests;
