//! Signing secrets in the notation of Standard Webhooks.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

const SECRET_PREFIX: &str = "whsec_";

/// The text is no secret in the notation of Standard Webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter whsec_ followed by the base64 text of 24 to 64 bytes.")]
pub struct InvalidSecret;

/// A signing key: `whsec_` and base64 of 24 to 64 bytes. Its text is not in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    key: Vec<u8>,
}

impl Secret {
    /// The secret with these random bytes as its key.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self {
            text: format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)),
            key: bytes.to_vec(),
        }
    }

    /// As shown to the organizer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key itself.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if (24..=64).contains(&key.len()) {
            Ok(Self {
                text: text.to_owned(),
                key,
            })
        } else {
            Err(InvalidSecret)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_***")
    }
}

/// The current secret and, for a day after a change, the previous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Its signature comes first.
    pub current: Secret,
    /// Signs as well until this instant, so that a receiver can switch without losing a request.
    pub previous: Option<(Secret, Timestamp)>,
}

impl Secrets {
    /// The one or two secrets that sign at `now`, the current one first.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.current).chain(previous.map(|(secret, _)| secret))
    }
}

/// The seed of an ed25519 key pair: 32 random bytes. Only the public key is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSeed(pub [u8; 32]);

impl fmt::Debug for SigningSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The current key pair and, for a day after a change, the previous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSeeds {
    /// Its signature comes first.
    pub current: SigningSeed,
    /// Signs as well until this instant.
    pub previous: Option<(SigningSeed, Timestamp)>,
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
