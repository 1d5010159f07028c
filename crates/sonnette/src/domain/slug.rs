//! Slugs: the short names of organizers and events in URLs.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The text is no slug: `[A-Za-z0-9][A-Za-z0-9.-]{0,49}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Enter a slug of 1 to 50 letters, digits, dots or hyphens that begins with a letter or digit."
)]
pub struct InvalidSlug;

fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=50).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidSlug;

            fn from_str(text: &str) -> Result<Self, InvalidSlug> {
                if is_slug(text) { Ok(Self(text.into())) } else { Err(InvalidSlug) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidSlug;

            fn try_from(text: String) -> Result<Self, InvalidSlug> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(slug: $name) -> Self {
                slug.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )+};
}

slugs! {
    /// The short name of an organizer, unique over the installation; case matters.
    OrganizerSlug,
    /// The short name of an event, unique within its organizer; case matters.
    EventSlug,
}

#[cfg(test)]
#[path = "slug_tests.rs"]
mod tests;
