//! The signing secrets of a webhook.

use std::time::Duration;

use jiff::Timestamp;
use sonnette::domain::{Secret, Secrets, SignatureScheme, SigningSeed, SigningSeeds, Webhook};
use sonnette::engine::sender;

use crate::admin::error::AdminError;
use crate::credentials::{NoRandomBytes, random_bytes};

/// How long a replaced secret also signs.
const PREVIOUS_SECRET_LIFETIME: Duration = Duration::from_hours(24);

/// The seed of a new key pair.
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn random_seed() -> Result<SigningSeed, NoRandomBytes> {
    random_bytes().map(SigningSeed)
}

/// Replaces the secret; the previous one also signs for [`PREVIOUS_SECRET_LIFETIME`]. A key pair is replaced by one of `seed`.
///
/// # Errors
/// [`AdminError::SecretsOverlap`] while a previous secret still signs.
pub(crate) fn replace(
    webhook: &mut Webhook,
    secret: &Secret,
    seed: &SigningSeed,
    now: Timestamp,
) -> Result<(), AdminError> {
    if webhook.secrets.current == *secret {
        return Ok(());
    }
    if let Some((_, until)) = webhook.secrets.previous
        && now < until
    {
        return Err(AdminError::SecretsOverlap { until });
    }
    let until = now
        .saturating_add(PREVIOUS_SECRET_LIFETIME)
        .unwrap_or(Timestamp::MAX);
    let old = std::mem::replace(&mut webhook.secrets.current, secret.clone());
    webhook.secrets = Secrets {
        current: secret.clone(),
        previous: Some((old, until)),
    };
    if let Some(seeds) = &mut webhook.settings.signing_seeds {
        let old = std::mem::replace(&mut seeds.current, seed.clone());
        seeds.previous = Some((old, until));
    }
    Ok(())
}

/// Gives a webhook that signs with `ed25519` a key pair, unless it had one before: the receiver's public key stays valid
/// when the scheme is chosen again.
pub(crate) fn ensure_key_pair(webhook: &mut Webhook, seed: &SigningSeed) {
    let settings = &mut webhook.settings;
    if settings
        .extra_signatures
        .contains(&SignatureScheme::Ed25519)
    {
        settings.signing_seeds.get_or_insert_with(|| SigningSeeds {
            current: seed.clone(),
            previous: None,
        });
    }
}

/// The public key of a webhook that signs with `ed25519`.
pub(crate) fn public_key(webhook: &Webhook) -> Option<String> {
    let settings = &webhook.settings;
    let is_chosen = settings
        .extra_signatures
        .contains(&SignatureScheme::Ed25519);
    let seeds = settings.signing_seeds.as_ref().filter(|_| is_chosen)?;
    sender::public_key(&seeds.current)
}
