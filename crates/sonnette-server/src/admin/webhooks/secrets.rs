//! A webhook's secrets, changed.

use std::time::Duration;

use jiff::Timestamp;
use sonnette::domain::{Secret, Secrets, SignatureScheme, SigningSeed, SigningSeeds, Webhook};
use sonnette::engine::sender;

use crate::credentials::{NoRandomBytes, random_bytes};

/// How long the secret before a change goes on signing beside the new one.
const OVERLAP: Duration = Duration::from_hours(24);

/// The seed of a new key pair.
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn random_seed() -> Result<SigningSeed, NoRandomBytes> {
    random_bytes().map(SigningSeed)
}

/// Signs with `secret` from now on, and for a day with the one before it as well; a key pair, if there is one, is new
/// too.
pub(crate) fn replace(webhook: &mut Webhook, secret: &Secret, seed: &SigningSeed, now: Timestamp) {
    if webhook.secrets.current == *secret {
        return;
    }
    let until = now.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX);
    let old = std::mem::replace(&mut webhook.secrets.current, secret.clone());
    webhook.secrets = Secrets {
        current: secret.clone(),
        previous: Some((old, until)),
    };
    if let Some(seeds) = &mut webhook.settings.signing_seeds {
        let old = std::mem::replace(&mut seeds.current, seed.clone());
        seeds.previous = Some((old, until));
    }
}

/// Gives a webhook that signs with a key pair its own, unless it had one before: chosen again later, the receiver's
/// public key still verifies.
pub(crate) fn complete(webhook: &mut Webhook, seed: &SigningSeed) {
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

/// The public key, where a webhook signs with a key pair.
pub(crate) fn public_key(webhook: &Webhook) -> Option<String> {
    let settings = &webhook.settings;
    let chosen = settings
        .extra_signatures
        .contains(&SignatureScheme::Ed25519);
    let seeds = settings.signing_seeds.as_ref().filter(|_| chosen)?;
    sender::public_key(&seeds.current)
}
