//! What stands in the form, as it was typed.

use std::collections::HashSet;

use sonnette::domain::{EventFilter, Webhook};

use crate::admin::webhooks::masks::MASK;
use crate::dashboard::posted::Posted;

/// What stands in the form.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) target_url: String,
    pub(super) comment: String,
    pub(super) enabled: bool,
    pub(super) action_types: Vec<String>,
    pub(super) all_events: bool,
    pub(super) limit_events: Vec<String>,
    /// One on each line, `Name: value`.
    pub(super) headers: String,
    pub(super) max_per_second: String,
    pub(super) max_concurrency: String,
    pub(super) timeout_seconds: String,
    pub(super) signature_scheme: Vec<String>,
    /// One on each line.
    pub(super) contact_emails: String,
}

impl Default for Input {
    /// As pretix's form begins.
    fn default() -> Self {
        Self {
            target_url: String::new(),
            comment: String::new(),
            enabled: true,
            action_types: Vec::new(),
            all_events: true,
            limit_events: Vec::new(),
            headers: String::new(),
            max_per_second: String::new(),
            max_concurrency: String::new(),
            timeout_seconds: String::new(),
            signature_scheme: Vec::new(),
            contact_emails: String::new(),
        }
    }
}

impl Input {
    /// A webhook as it is stored; credentials in its URL and values of its headers are masked.
    pub(super) fn of(webhook: &Webhook) -> Self {
        fn text(number: Option<impl ToString>) -> String {
            number.map(|number| number.to_string()).unwrap_or_default()
        }
        let settings = &webhook.settings;
        let (all_events, limit_events) = match &webhook.events {
            EventFilter::All => (true, Vec::new()),
            EventFilter::Only(slugs) => (false, slugs.iter().map(ToString::to_string).collect()),
        };
        let mut action_types: Vec<_> = webhook
            .action_types
            .iter()
            .map(ToString::to_string)
            .collect();
        action_types.dedup();
        let headers = settings.headers.iter();
        let headers: Vec<_> = headers
            .map(|header| format!("{}: {MASK}", header.name))
            .collect();
        Self {
            target_url: webhook.target.with_masked_credentials(MASK),
            comment: webhook.comment.clone().unwrap_or_default(),
            enabled: webhook.is_enabled(),
            action_types,
            all_events,
            limit_events,
            headers: headers.join("\n"),
            max_per_second: text(settings.max_per_second),
            max_concurrency: text(settings.max_concurrency),
            timeout_seconds: text(settings.timeout.map(|timeout| timeout.as_secs())),
            signature_scheme: settings
                .extra_signatures
                .iter()
                .map(|scheme| scheme.as_str().to_owned())
                .collect(),
            contact_emails: settings.contact_emails.join("\n"),
        }
    }

    /// A form that was sent.
    pub(super) fn posted(posted: &Posted) -> Self {
        let all = |name| {
            let mut seen = HashSet::new();
            let values = posted.all(name).filter(|value| seen.insert(*value));
            values.map(str::to_owned).collect()
        };
        let get = |name| posted.get(name).to_owned();
        let typed = posted.get("target_url");
        Self {
            target_url: if typed.is_empty() || typed.contains("://") {
                typed.to_owned()
            } else {
                format!("https://{typed}")
            },
            comment: get("comment"),
            enabled: posted.has("enabled"),
            action_types: all("action_types"),
            all_events: posted.has("all_events"),
            limit_events: all("limit_events"),
            headers: get("headers"),
            max_per_second: get("max_per_second"),
            max_concurrency: get("max_concurrency"),
            timeout_seconds: get("timeout_seconds"),
            signature_scheme: all("signature_scheme"),
            contact_emails: get("contact_emails"),
        }
    }

    /// Whether a signature scheme is chosen.
    pub(super) fn signs(&self, scheme: &str) -> bool {
        self.signature_scheme.iter().any(|chosen| chosen == scheme)
    }
}
