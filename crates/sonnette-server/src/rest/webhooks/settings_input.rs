//! Reads the settings of a webhook from JSON.

use serde_json::Value;
use sonnette::domain::{ExtraHeader, SignatureScheme, WebhookSettings};

use crate::admin::webhooks::headers;
use crate::admin::webhooks::settings::{
    CONCURRENCY_RANGE, PER_SECOND_RANGE, SettingsPatch, TIMEOUT_SECONDS_RANGE, extra_signatures,
};
use crate::edge::error::ApiError;
use crate::rest::fields::Fields;
use crate::rest::violation_text::header_violation_text;

/// Reads and checks a request. `stored` has the values that masked ones stand for.
pub(super) fn parse_settings(
    mut fields: Fields,
    stored: &WebhookSettings,
) -> Result<SettingsPatch, ApiError> {
    let patch = SettingsPatch {
        headers: extra_headers(&mut fields, &stored.headers),
        max_per_second: fields.nullable_integer("max_per_second", &PER_SECOND_RANGE),
        max_concurrency: fields.nullable_integer("max_concurrency", &CONCURRENCY_RANGE),
        timeout_seconds: fields.nullable_integer("timeout_seconds", &TIMEOUT_SECONDS_RANGE),
        extra_signatures: fields
            .choices::<SignatureScheme>("signature_scheme")
            .map(extra_signatures),
        contact_emails: fields.contact_emails("contact_emails"),
    };
    fields.refuse_unknown();
    fields.finish()?;
    Ok(patch)
}

fn extra_headers(fields: &mut Fields, stored: &[ExtraHeader]) -> Option<Vec<ExtraHeader>> {
    let Value::Object(members) = fields.take("headers")? else {
        fields.add_error(
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
    let violations = match headers::check(members.collect(), stored) {
        Ok(headers) => return Some(headers),
        Err(violations) => violations,
    };
    for (name, violation) in violations {
        let path = name.map_or_else(|| "headers".to_owned(), |name| format!("headers.{name}"));
        fields.add_error(&path, header_violation_text(violation));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

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
        parse_settings(Fields::new(members), &stored)
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
            "Expect",
            "TE",
            "trailer",
            "Upgrade",
            "Keep-Alive",
            "Proxy-Connection",
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
