//! The signatures of a request.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::domain::{SignatureScheme, SigningSeed, Webhook};

/// The public key that verifies what this seed signs, in the notation of Standard Webhooks: `whpk_` and base64.
pub fn public_key(seed: &SigningSeed) -> Option<String> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed.0).ok()?;
    Some(format!("whpk_{}", STANDARD.encode(pair.public_key())))
}

/// The signing keys of a webhook.
pub(super) struct SigningKeys {
    current: hmac::Key,
    previous: Option<(hmac::Key, Timestamp)>,
    creads_key: Option<hmac::Key>,
    /// The Ed25519 keys, if the webhook has such signatures, each with the time until which it signs. The current one is
    /// first.
    ed25519_key_pairs: Vec<(Ed25519KeyPair, Option<Timestamp>)>,
}

impl SigningKeys {
    pub(super) fn new(webhook: &Webhook) -> Self {
        let secrets = &webhook.secrets;
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let partners = webhook
            .settings
            .extra_signatures
            .contains(&SignatureScheme::Creads)
            .then(|| key(secrets.current.text().as_bytes()));
        let previous = secrets
            .previous
            .as_ref()
            .map(|(secret, until)| (key(secret.key()), *until));
        Self {
            current: key(secrets.current.key()),
            previous,
            creads_key: partners,
            ed25519_key_pairs: ed25519_key_pairs(webhook),
        }
    }

    /// `webhook-signature`: one `v1` entry for each secret in force at `now`, the current one first; then, where chosen,
    /// one `v1a` entry for each key pair in force.
    pub(super) fn sign_standard(
        &self,
        id: &str,
        timestamp: &str,
        body: &[u8],
        now: Timestamp,
    ) -> String {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        let mut value = String::with_capacity(96);
        for key in std::iter::once(&self.current).chain(previous.map(|(key, _)| key)) {
            let mut context = hmac::Context::with_key(key);
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                context.update(part);
            }
            value.push_str(if value.is_empty() { "v1," } else { " v1," });
            STANDARD.encode_string(context.sign(), &mut value);
        }
        if !self.ed25519_key_pairs.is_empty() {
            let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
            let in_force = |until: &Option<Timestamp>| until.is_none_or(|until| now < until);
            for (pair, _) in self
                .ed25519_key_pairs
                .iter()
                .filter(|(_, until)| in_force(until))
            {
                value.push_str(" v1a,");
                STANDARD.encode_string(pair.sign(&signed), &mut value);
            }
        }
        value
    }

    /// `X-Partners-Signature` of Creads, where the webhook chose it.
    pub(super) fn sign_creads(&self, body: &[u8]) -> Option<String> {
        let tag = hmac::sign(self.creads_key.as_ref()?, body);
        Some(
            tag.as_ref()
                .iter()
                .fold(String::with_capacity(64), |mut hex, byte| {
                    // Writing to a `String` cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                    hex
                }),
        )
    }
}

fn ed25519_key_pairs(webhook: &Webhook) -> Vec<(Ed25519KeyPair, Option<Timestamp>)> {
    let settings = &webhook.settings;
    let Some(seeds) = settings.signing_seeds.as_ref().filter(|_| {
        settings
            .extra_signatures
            .contains(&SignatureScheme::Ed25519)
    }) else {
        return Vec::new();
    };
    let previous = seeds
        .previous
        .as_ref()
        .map(|(seed, until)| (seed, Some(*until)));
    std::iter::once((&seeds.current, None))
        .chain(previous)
        .filter_map(|(seed, until)| {
            Some((Ed25519KeyPair::from_seed_unchecked(&seed.0).ok()?, until))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partners(secret: &str, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let keys = SigningKeys {
            current: key.clone(),
            previous: None,
            creads_key: Some(key),
            ed25519_key_pairs: Vec::new(),
        };
        keys.sign_creads(body.as_bytes()).unwrap()
    }

    #[test]
    fn partners_signature_matches_the_known_vectors() {
        assert_eq!(
            partners("my_secret", "{}"),
            "3c980c81acef21e0356767cca9ab9d6a62a4e09677bb07107e4524c381b17309"
        );
        assert_eq!(
            partners(
                "my_secret",
                r#"{"event":"resource.deleted","resource_type":"work","resource_gid":"559bf0527764e"}"#
            ),
            "0b6052317b1c6b9d0683f7bf8e219d85802a0cc0f65be139e8fb0ebb7e7c72cb"
        );
        assert_eq!(
            partners("clé à accents", "{}"),
            "40497919b9fbc6a93958d69f0a0569a9e4b939870588607ba15785f39238e66c"
        );
    }

    #[test]
    fn a_replaced_secret_signs_until_its_time() {
        let key = |byte: u8| hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]);
        let until = Timestamp::from_second(1000).unwrap();
        let keys = SigningKeys {
            current: key(1),
            previous: Some((key(2), until)),
            creads_key: None,
            ed25519_key_pairs: Vec::new(),
        };
        let entries = |second| {
            let now = Timestamp::from_second(second).unwrap();
            keys.sign_standard("a", "1", b"{}", now)
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(entries(999).len(), 2);
        assert_eq!(entries(1000), entries(999)[..1]);
        assert!(entries(999).iter().all(|e| e.starts_with("v1,")));
        assert_eq!(keys.sign_creads(b"{}"), None);
    }
}
