//! The URL of a receiver, as pretix accepts it.

use std::fmt;
use std::str::FromStr;

/// The text is no URL in the sense of pretix facts §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter a valid URL.")]
pub struct InvalidTargetUrl;

/// A receiver's URL. Credentials in it are shown by [`TargetUrl::as_given`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    text: String,
}

impl TargetUrl {
    /// As the organizer gave it, credentials included.
    pub fn as_given(&self) -> &str {
        &self.text
    }
}

impl FromStr for TargetUrl {
    type Err = InvalidTargetUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTargetUrl> {
        Ok(Self { text: text.to_owned() })
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TargetUrl")
    }
}
