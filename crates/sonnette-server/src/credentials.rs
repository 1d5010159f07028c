//! What tokens and secrets are made of, for all who hand them out: the API, the command line, the start.
//!
//! Decisions are given chance as an argument; here it is drawn.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use sonnette::domain::{Secret, TokenHash};

/// The system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub(crate) struct NoRandomBytes(getrandom::Error);

/// 256 random bits.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn random_bytes() -> Result<[u8; 32], NoRandomBytes> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(NoRandomBytes)?;
    Ok(bytes)
}

/// A secret that signs.
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn random_secret() -> Result<Secret, NoRandomBytes> {
    random_bytes().map(Secret::from_random)
}

/// The text of a fresh token: 256 random bits, safe in URLs. It begins with `snt_`, so that whoever looks for secrets
/// that were let slip knows it.
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn random_token() -> Result<String, NoRandomBytes> {
    random_bytes().map(|bytes| format!("snt_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// All that is stored of a token. Random as its text is, a slow hash would add nothing but time to each request.
pub(crate) fn token_hash(text: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_fit_a_url() {
        let text = random_token().unwrap();
        assert!(
            text.len() >= 40
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_ne!(text, random_token().unwrap());
    }
}
