//! Generates and hashes tokens, secrets and passwords.
//!
//! This is the only place that reads random bytes from the system.

use std::borrow::Cow;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use icu_normalizer::ComposingNormalizerBorrowed;
use ring::digest::{SHA256, digest};
use sonnette::domain::{Secret, TokenHash};

/// The system provided no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system provided no random bytes: {0}")]
pub(crate) struct NoRandomBytes(getrandom::Error);

/// 256 random bits.
///
/// # Errors
/// The system provides none.
pub(crate) fn random_bytes() -> Result<[u8; 32], NoRandomBytes> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(NoRandomBytes)?;
    Ok(bytes)
}

/// Generates a signing secret.
///
/// # Errors
/// The system provides no random bytes.
pub(crate) fn random_secret() -> Result<Secret, NoRandomBytes> {
    random_bytes().map(Secret::from_random)
}

/// Generates a token: 256 random bits, safe in URLs. The prefix `snt_` lets secret scanners recognize leaked tokens.
///
/// # Errors
/// The system provides no random bytes.
pub(crate) fn random_token() -> Result<String, NoRandomBytes> {
    random_session_token().map(|text| format!("snt_{text}"))
}

/// Generates the text of a session or link: 256 random bits, safe in URLs. Only its [`token_hash`] is stored.
///
/// # Errors
/// The system provides no random bytes.
pub(crate) fn random_session_token() -> Result<String, NoRandomBytes> {
    random_bytes().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// The URL of the page to choose a password with the text of a link. `base_url` has a trailing slash.
pub(crate) fn password_link(base_url: &str, text: &str) -> String {
    format!("{base_url}password/{text}/")
}

/// The stored hash of a token, session or link. The text is random, so a slow hash would only add time to each request.
pub(crate) fn token_hash(text: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// Minimum number of characters in a password.
pub(crate) const MIN_PASSWORD_CHARS: usize = 8;
/// Maximum number of characters in a password.
pub(crate) const MAX_PASSWORD_CHARS: usize = 1_000;

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// It is easy to guess.
    #[error("a password must have at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// Hashing it would take too long.
    #[error("a password must have at most {MAX_PASSWORD_CHARS} characters")]
    TooLong,
}

/// Checks the length of a password.
///
/// # Errors
/// It is too short or too long.
pub(crate) fn check_password(password: &str) -> Result<(), PasswordError> {
    match normalize(password).chars().count() {
        ..MIN_PASSWORD_CHARS => Err(PasswordError::TooShort),
        MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password: {0}")]
pub(crate) struct PasswordHashError(argon2::password_hash::Error);

/// Hashes a password with argon2id and a random salt, in PHC notation. Slow by design.
///
/// # Errors
/// The system provides no random bytes, or no memory.
pub(crate) fn hash_password(password: &str) -> Result<String, PasswordHashError> {
    let hash = Argon2::default().hash_password(normalize(password).as_bytes());
    Ok(hash.map_err(PasswordHashError)?.to_string())
}

/// Whether a password matches the stored hash. Takes as long as hashing.
pub(crate) fn verify_password(password: &str, stored: &str) -> bool {
    let matches = |text: &str| {
        Argon2::default()
            .verify_password(text.as_bytes(), stored)
            .is_ok()
    };
    let normal = normalize(password);
    // Version 0.1 hashed passwords as they were typed.
    matches(&normal) || *normal != *password && matches(password)
}

/// The same text in Unicode's composed form (NFC): keyboards of different systems give different forms of one password.
fn normalize(password: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(password)
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

    #[test]
    fn passwords_are_kept_as_argon2id_and_salted() {
        let one = hash_password("correct horse").unwrap();
        assert!(one.starts_with("$argon2id$v=19$"), "{one}");
        let other = hash_password("correct horse").unwrap();
        assert_ne!(one, other);
        assert!(verify_password("correct horse", &one) && verify_password("correct horse", &other));
        for (wrong, stored) in [
            ("Correct horse", one.as_str()),
            ("", &one),
            ("correct horse", ""),
            ("correct horse", "correct horse"),
        ] {
            assert!(!verify_password(wrong, stored), "{wrong} {stored}");
        }
    }

    #[test]
    fn a_password_is_the_same_however_it_is_composed() {
        let (composed, decomposed) = ("pass\u{e9} \u{fc}ber", "passe\u{301} u\u{308}ber");
        for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
            assert!(verify_password(typed, &hash_password(set).unwrap()));
        }
        let of_version_0_1 = Argon2::default()
            .hash_password(decomposed.as_bytes())
            .unwrap()
            .to_string();
        assert!(verify_password(decomposed, &of_version_0_1));
        assert_eq!(
            check_password("e\u{301}e\u{301}e\u{301}e\u{301}"),
            Err(PasswordError::TooShort)
        );
    }

    #[test]
    fn short_and_long_passwords_are_refused() {
        assert_eq!(check_password("seven77"), Err(PasswordError::TooShort));
        assert_eq!(check_password("ééééééé"), Err(PasswordError::TooShort));
        assert_eq!(check_password("eight888"), Ok(()));
        assert_eq!(check_password(&"é".repeat(1_000)), Ok(()));
        let long = "é".repeat(1_001);
        assert_eq!(check_password(&long), Err(PasswordError::TooLong));
    }
}
