//! The URL of a receiver, as pretix accepts it.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

/// The text is no URL in the sense of pretix facts §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter a valid URL.")]
pub struct InvalidTargetUrl;

/// The URL can be kept, but not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this URL cannot be called")]
pub struct Uncallable;

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

    /// User and password, percent-decoded; none unless both are there.
    pub fn credentials(&self) -> Option<(String, String)> {
        let url = Url::parse(&self.text).ok()?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some((decoded(url.username()), decoded(url.password()?)))
    }

    /// What is called: absolute, without credentials and fragment.
    ///
    /// # Errors
    ///
    /// [`Uncallable`] for anything but `http` and `https` with a usable host and port.
    pub fn uri(&self) -> Result<http::Uri, Uncallable> {
        let mut url = Url::parse(&self.text).map_err(|_| Uncallable)?;
        if !matches!(url.scheme(), "http" | "https") || url.port() == Some(0) {
            return Err(Uncallable);
        }
        url.set_fragment(None);
        url.set_username("")
            .and(url.set_password(None))
            .map_err(|()| Uncallable)?;
        url.as_str().parse().map_err(|_| Uncallable)
    }
}

impl FromStr for TargetUrl {
    type Err = InvalidTargetUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTargetUrl> {
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TargetUrl")
    }
}
