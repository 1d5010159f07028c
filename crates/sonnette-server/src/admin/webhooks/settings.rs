//! The settings of a webhook beside pretix's resource.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use sonnette::domain::{ExtraHeader, SignatureScheme, WebhookSettings};

use crate::admin::validation::Nullable;

/// Requests begun per second.
pub(crate) const PER_SECOND_RANGE: RangeInclusive<u32> = 1..=10_000;
/// Requests in flight.
pub(crate) const CONCURRENCY_RANGE: RangeInclusive<u32> = 1..=1_000;
/// Seconds that an attempt may take.
pub(crate) const TIMEOUT_SECONDS_RANGE: RangeInclusive<u32> = 1..=30;

/// What changes of the settings; `None` keeps the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SettingsPatch {
    /// Replaces all extra headers.
    pub(crate) headers: Option<Vec<ExtraHeader>>,
    /// Within [`PER_SECOND_RANGE`].
    pub(crate) max_per_second: Option<Nullable<u32>>,
    /// Within [`CONCURRENCY_RANGE`].
    pub(crate) max_concurrency: Option<Nullable<u32>>,
    /// Within [`TIMEOUT_SECONDS_RANGE`].
    pub(crate) timeout_seconds: Option<Nullable<u32>>,
    /// The schemes beside the standard one.
    pub(crate) extra_signatures: Option<BTreeSet<SignatureScheme>>,
    /// Who gets mail when the webhook is disabled.
    pub(crate) contact_emails: Option<Vec<String>>,
}

impl SettingsPatch {
    /// Sets the values that change.
    pub(crate) fn apply(&self, settings: &mut WebhookSettings) {
        if let Some(headers) = &self.headers {
            settings.headers.clone_from(headers);
        }
        if let Some(Nullable(limit)) = self.max_per_second {
            settings.max_per_second = limit;
        }
        if let Some(Nullable(limit)) = self.max_concurrency {
            settings.max_concurrency = limit;
        }
        if let Some(Nullable(seconds)) = self.timeout_seconds {
            settings.timeout = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        }
        if let Some(schemes) = &self.extra_signatures {
            settings.extra_signatures.clone_from(schemes);
        }
        if let Some(emails) = &self.contact_emails {
            settings.contact_emails.clone_from(emails);
        }
    }

    /// The names of the settings that change, for the audit log.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        [
            ("headers", self.headers.is_some()),
            ("max_per_second", self.max_per_second.is_some()),
            ("max_concurrency", self.max_concurrency.is_some()),
            ("timeout_seconds", self.timeout_seconds.is_some()),
            ("signature_scheme", self.extra_signatures.is_some()),
            ("contact_emails", self.contact_emails.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, changes)| changes.then_some(name))
        .collect()
    }
}

/// The schemes of a list that are stored: the standard one always signs.
pub(crate) fn extra_signatures(
    schemes: impl IntoIterator<Item = SignatureScheme>,
) -> BTreeSet<SignatureScheme> {
    let extra = |scheme: &SignatureScheme| *scheme != SignatureScheme::Standard;
    schemes.into_iter().filter(extra).collect()
}
