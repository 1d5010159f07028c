//! The rules of a webhook's settings.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sonnette::domain::{ExtraHeader, SignatureScheme, WebhookSettings};

use super::headers;
use crate::admin::validation::{Fields, Nullable};
use crate::edge::error::ApiError;

/// Settings that a request changes; those left out stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SettingsPatch {
    headers: Option<Vec<ExtraHeader>>,
    max_per_second: Option<Nullable<u32>>,
    max_concurrency: Option<Nullable<u32>>,
    timeout: Option<Nullable<Duration>>,
    extra_signatures: Option<BTreeSet<SignatureScheme>>,
    contact_emails: Option<Vec<String>>,
}

impl SettingsPatch {
    /// Reads and checks a request; `stored` is what masked values stand for.
    pub(crate) fn parse(mut fields: Fields, stored: &WebhookSettings) -> Result<Self, ApiError> {
        let patch = Self {
            headers: extra_headers(&mut fields, stored),
            max_per_second: fields.maybe_number("max_per_second", 1, 10_000),
            max_concurrency: fields.maybe_number("max_concurrency", 1, 1_000),
            timeout: fields
                .maybe_number("timeout_seconds", 1, 30)
                .map(|seconds| {
                    Nullable(seconds.0.map(|seconds| Duration::from_secs(seconds.into())))
                }),
            extra_signatures: signatures(&mut fields),
            contact_emails: fields.emails("contact_emails"),
        };
        fields.refuse_the_rest();
        fields.finish()?;
        Ok(patch)
    }

    /// Lays the change over what is stored.
    pub(crate) fn apply(&self, settings: &mut WebhookSettings) {
        fn set<T: Clone>(place: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        set(&mut settings.headers, self.headers.as_ref());
        set(
            &mut settings.max_per_second,
            self.max_per_second.as_ref().map(|n| &n.0),
        );
        set(
            &mut settings.max_concurrency,
            self.max_concurrency.as_ref().map(|n| &n.0),
        );
        set(&mut settings.timeout, self.timeout.as_ref().map(|n| &n.0));
        set(
            &mut settings.extra_signatures,
            self.extra_signatures.as_ref(),
        );
        set(&mut settings.contact_emails, self.contact_emails.as_ref());
    }

    /// The same with these headers, which were checked apart.
    pub(crate) fn with_headers(self, headers: Vec<ExtraHeader>) -> Self {
        Self {
            headers: Some(headers),
            ..self
        }
    }

    /// The names of what is changed, for the audit log.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        [
            ("headers", self.headers.is_some()),
            ("max_per_second", self.max_per_second.is_some()),
            ("max_concurrency", self.max_concurrency.is_some()),
            ("timeout_seconds", self.timeout.is_some()),
            ("signature_scheme", self.extra_signatures.is_some()),
            ("contact_emails", self.contact_emails.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

fn extra_headers(fields: &mut Fields, stored: &WebhookSettings) -> Option<Vec<ExtraHeader>> {
    let Value::Object(members) = fields.take("headers")? else {
        fields.refuse(
            "headers",
            "Expected a dictionary of header names and values.",
        );
        return None;
    };
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    let members = members.into_iter().map(|(name, value)| (name, text(value)));
    match headers::check(members.collect(), &stored.headers) {
        Ok(headers) => Some(headers),
        Err(problems) => {
            for (name, problem) in problems {
                let path =
                    name.map_or_else(|| "headers".to_owned(), |name| format!("headers.{name}"));
                fields.refuse(&path, problem.to_string());
            }
            None
        }
    }
}

fn signatures(fields: &mut Fields) -> Option<BTreeSet<SignatureScheme>> {
    let chosen: Vec<SignatureScheme> = fields.words("signature_scheme")?;
    Some(
        chosen
            .into_iter()
            .filter(|scheme| *scheme != SignatureScheme::Standard)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<SettingsPatch, ApiError> {
        let Value::Object(members) = value else {
            panic!("no object")
        };
        let key = ExtraHeader {
            name: "X-Key".to_owned(),
            value: "secret".to_owned(),
        };
        let stored = WebhookSettings {
            headers: vec![key],
            ..WebhookSettings::default()
        };
        SettingsPatch::parse(Fields::new(members), &stored)
    }

    fn wrong(value: Value) -> Vec<String> {
        match parse(value) {
            Err(ApiError::Fields(errors)) => errors.into_iter().map(|(name, _)| name).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn takes_every_setting() {
        let patch = parse(json!({
            "headers": {"X-Key": "***", "X-New": "a"},
            "max_per_second": 10_000,
            "max_concurrency": null,
            "timeout_seconds": 30,
            "signature_scheme": ["standard", "creads", "ed25519"],
            "contact_emails": ["a@b.example"],
        }));
        let mut settings = WebhookSettings {
            max_concurrency: Some(1),
            ..WebhookSettings::default()
        };
        patch.unwrap().apply(&mut settings);
        assert_eq!(settings.headers[0].value, "secret");
        assert_eq!(settings.max_concurrency, None);
        assert_eq!(settings.timeout, Some(Duration::from_secs(30)));
        assert_eq!(
            settings.extra_signatures,
            BTreeSet::from([SignatureScheme::Creads, SignatureScheme::Ed25519])
        );
    }

    #[test]
    fn changes_only_what_is_sent() {
        let patch = parse(json!({"max_per_second": 5})).unwrap();
        assert_eq!(patch.names(), ["max_per_second"]);
        let mut settings = WebhookSettings {
            max_concurrency: Some(7),
            ..WebhookSettings::default()
        };
        patch.apply(&mut settings);
        assert_eq!(
            (settings.max_per_second, settings.max_concurrency),
            (Some(5), Some(7))
        );
    }

    #[test]
    fn refuses_what_the_server_sets_itself() {
        for name in [
            "Host",
            "content-type",
            "Content-Length",
            "Transfer-Encoding",
            "connection",
            "Webhook-Id",
            "x-partners-signature",
        ] {
            assert_eq!(
                wrong(json!({"headers": {name: "a"}})),
                [format!("headers.{name}")],
                "{name}"
            );
        }
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        assert_eq!(wrong(json!({"headers": {"a b": "c"}})), ["headers.a b"]);
        assert_eq!(
            wrong(json!({"headers": {"X-A": "b\r\nc: d"}})),
            ["headers.X-A"]
        );
        assert_eq!(wrong(json!({"headers": {"X-A": 5}})), ["headers.X-A"]);
        assert_eq!(
            wrong(json!({"headers": {"X-A": "a", "x-a": "b"}})),
            ["headers.x-a"]
        );
        assert_eq!(
            wrong(json!({"headers": {"X-Unknown": "***"}})),
            ["headers.X-Unknown"]
        );
        assert_eq!(wrong(json!({"headers": []})), ["headers"]);
    }

    #[test]
    fn refuses_what_is_out_of_bounds() {
        let sent = json!({
            "max_per_second": 0,
            "max_concurrency": 1001,
            "timeout_seconds": 31,
            "signature_scheme": ["ed25519", "rsa"],
            "contact_emails": ["nobody"],
            "colour": "red",
        });
        let names = [
            "max_per_second",
            "max_concurrency",
            "timeout_seconds",
            "signature_scheme",
            "contact_emails",
            "colour",
        ];
        assert_eq!(wrong(sent), names);
        assert_eq!(
            wrong(json!({"signature_scheme": ["rot13"]})),
            ["signature_scheme"]
        );
    }
}
