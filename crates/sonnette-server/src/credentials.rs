//! What tokens, secrets and passwords are made of, for all who hand them out or ask for them.
//!
//! Decisions are given chance as an argument; here it is drawn.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
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
    random_secret_text().map(|text| format!("snt_{text}"))
}

/// The text of a fresh session or link: 256 random bits, safe in URLs. What is stored of it is its [`token_hash`].
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn random_secret_text() -> Result<String, NoRandomBytes> {
    random_bytes().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// The page on which whoever has the text of a link chooses a password; `address`, with a slash at its end, is where
/// people find this installation.
pub(crate) fn password_link(address: &str, text: &str) -> String {
    format!("{address}password/{text}/")
}

/// All that is stored of a token, session or link. Random as its text is, a slow hash would add nothing but time to each request.
pub(crate) fn token_hash(text: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// Shorter passwords are refused,
pub(crate) const SHORTEST_PASSWORD: usize = 8;
/// and longer ones.
pub(crate) const LONGEST_PASSWORD: usize = 1_000;

/// Why nobody can have this password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitPassword {
    /// It is soon guessed.
    #[error("a password has at least {SHORTEST_PASSWORD} characters")]
    TooShort,
    /// Nobody types so much.
    #[error("a password has at most {LONGEST_PASSWORD} characters")]
    TooLong,
}

/// Whether somebody may choose this password.
///
/// # Errors
/// Why not.
pub(crate) fn check_password(password: &str) -> Result<(), UnfitPassword> {
    match password.chars().count() {
        ..SHORTEST_PASSWORD => Err(UnfitPassword::TooShort),
        SHORTEST_PASSWORD..=LONGEST_PASSWORD => Ok(()),
        _ => Err(UnfitPassword::TooLong),
    }
}

/// A password has not become a hash.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub(crate) struct NotHashed(argon2::password_hash::Error);

/// A password as it is stored: argon2id in PHC notation, with a fresh salt. Takes a while, on purpose.
///
/// # Errors
/// Where the system gives no random bytes, or no memory.
pub(crate) fn hash_password(password: &str) -> Result<String, NotHashed> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(NotHashed)?.to_string())
}

/// Whether this is the password that was stored so. Takes as long as hashing.
pub(crate) fn verify_password(password: &str, stored: &str) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), stored)
        .is_ok()
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
    fn short_and_long_passwords_are_refused() {
        assert_eq!(check_password("seven77"), Err(UnfitPassword::TooShort));
        assert_eq!(check_password("ééééééé"), Err(UnfitPassword::TooShort));
        assert_eq!(check_password("eight888"), Ok(()));
        assert_eq!(check_password(&"é".repeat(1_000)), Ok(()));
        let long = "é".repeat(1_001);
        assert_eq!(check_password(&long), Err(UnfitPassword::TooLong));
    }
}
