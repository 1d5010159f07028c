//! Forwards notifications, signed like the requests of a webhook.

use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use ring::hmac;
use sonnette::clock::{Clock as _, SystemClock};
use url::Url;

use super::Publication;
use crate::cli::UsageError;
use crate::cli::http_client::{ClientRequest, HttpClient};
use crate::config::Settings;
use crate::credentials::random_secret;

/// Maximum time of a request, as for a webhook.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Forwards to one URL; signs with a secret that is generated at the start.
pub(super) struct Forward {
    url: Url,
    authorization: Option<HeaderValue>,
    http: HttpClient,
    key: hmac::Key,
}

impl Forward {
    /// # Errors
    /// The URL is not one of http or https.
    pub(super) fn new(text: &str, settings: &Settings) -> Result<Self> {
        // The text may contain a password, so the error does not repeat it.
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            let text = "--forward: expected a URL that begins with http:// or https://, such as http://127.0.0.1:3000/in";
            return Err(UsageError(text.to_owned()).into());
        };
        let secret = random_secret()?;
        eprintln!("signing with {}", secret.text());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
        Ok(Self {
            url,
            authorization: basic_authorization(text)?,
            http: HttpClient::new(settings)?,
            key,
        })
    }

    /// Forwards a notification; returns the result as text.
    pub(super) async fn send(&self, publication: &Publication) -> String {
        match tokio::time::timeout(REQUEST_TIMEOUT, self.attempt(publication)).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => format!("failed: {error:#}"),
            Err(_) => format!("failed: no response within {} s", REQUEST_TIMEOUT.as_secs()),
        }
    }

    async fn attempt(&self, publication: &Publication) -> Result<String> {
        // With the time, because numbers are assigned again after a restore, and by every installation.
        let time = publication.at.chars().filter(char::is_ascii_alphanumeric);
        let id = format!("listen_{}_{}", publication.id, time.collect::<String>());
        let timestamp = SystemClock.now().as_second().to_string();
        let signature = signature(&self.key, &id, &timestamp, &publication.payload);
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        headers.extend(
            self.authorization
                .clone()
                .map(|value| (AUTHORIZATION, value)),
        );
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ] {
            headers.push((
                HeaderName::from_static(name),
                HeaderValue::from_str(&value)?,
            ));
        }
        let body = publication.payload.clone().into();
        let outgoing = ClientRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body,
        };
        Ok(self.http.send(outgoing).await?.status().to_string())
    }
}

/// User and password of a URL, percent-decoded, as a delivery sends them: only if there is a password, which may be empty.
fn basic_authorization(url: &str) -> Result<Option<HeaderValue>> {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let user_info = authority.and_then(|authority| authority.rsplit_once('@'));
    let Some((user, password)) = user_info.and_then(|(user_info, _)| user_info.split_once(':'))
    else {
        return Ok(None);
    };
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let credentials = format!("{}:{}", decoded(user), decoded(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn signature(key: &hmac::Key, id: &str, timestamp: &str, payload: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{timestamp}.{payload}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use sonnette::domain::Secret;

    use super::*;

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
        let signature = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
