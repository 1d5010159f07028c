//! An example receiver: verifies the signature, reads the body, responds.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use parking_lot::Mutex;
use ring::hmac;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::Secret;
use tokio::net::TcpListener;

use crate::cli::output;

/// The receiver rejects the first notification of this action type.
pub(super) const ACTION_REJECTED_ONCE: &str = "pretix.event.checkin";
/// Maximum age of a signature in seconds; an older one may be a replay.
const MAX_SIGNATURE_AGE_SECONDS: i64 = 5 * 60;

/// The receiver; it runs until the process ends.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The signing key of each path.
    keys: Mutex<HashMap<String, hmac::Key>>,
    /// Whether the one rejection has happened.
    has_rejected: Mutex<bool>,
}

/// The result of verifying a signature.
#[derive(Debug, PartialEq, Eq)]
enum SignatureStatus {
    Valid,
    Expired,
    Invalid,
}

impl fmt::Display for SignatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "signature ok",
            Self::Expired => "signature expired",
            Self::Invalid => "SIGNATURE INVALID",
        })
    }
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port is free")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move {
            // `serve` never returns.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, shared })
    }

    /// The URL of a path, which begins with `/`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets the secret that signs requests to this path.
    pub(super) fn set_secret(&self, path: &str, secret: &Secret) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
        self.shared.keys.lock().insert(path.to_owned(), key);
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let key = shared.keys.lock().get(uri.path()).cloned();
    let signature = key.map_or(SignatureStatus::Invalid, |key| {
        verify(&key, &headers, &body)
    });
    let status = if signature != SignatureStatus::Valid {
        StatusCode::UNAUTHORIZED
    } else if has_action_type(&body, ACTION_REJECTED_ONCE)
        && !std::mem::replace(&mut *shared.has_rejected.lock(), true)
    {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let line = format!(
        "  received   {method} {}  webhook-id {}  {signature}\n             {}\n             responded {}",
        uri.path(),
        text("webhook-id"),
        String::from_utf8_lossy(&body),
        status.as_u16(),
    );
    match output::print_line(line) {
        Ok(()) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn has_action_type(body: &[u8], action_type: &str) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["action"] == action_type
}

/// Verifies a signature of Standard Webhooks.
fn verify(key: &hmac::Key, headers: &HeaderMap, body: &[u8]) -> SignatureStatus {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let timestamp = text("webhook-timestamp");
    let signed = [text("webhook-id").as_bytes(), timestamp.as_bytes(), body].join(&b'.');
    let is_valid = text("webhook-signature")
        .split(' ')
        .filter_map(|entry| STANDARD.decode(entry.strip_prefix("v1,")?).ok())
        .any(|tag| hmac::verify(key, &signed, &tag).is_ok());
    if !is_valid {
        return SignatureStatus::Invalid;
    }
    let age = timestamp
        .parse()
        .map(|then: i64| SystemClock.now().as_second().saturating_sub(then));
    match age {
        Ok(age) if age.saturating_abs() <= MAX_SIGNATURE_AGE_SECONDS => SignatureStatus::Valid,
        _ => SignatureStatus::Expired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(key: &hmac::Key, timestamp: i64, body: &[u8]) -> HeaderMap {
        let content = [b"msg_1.", timestamp.to_string().as_bytes(), b".", body].concat();
        let tag = STANDARD.encode(hmac::sign(key, &content));
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", timestamp.to_string().parse().unwrap());
        headers.insert(
            "webhook-signature",
            format!("v1,AAAA v1,{tag}").parse().unwrap(),
        );
        headers
    }

    #[test]
    fn only_recent_and_valid_signatures_are_accepted() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let now = SystemClock.now().as_second();
        assert_eq!(
            verify(&key, &signed(&key, now, b"{}"), b"{}"),
            SignatureStatus::Valid
        );
        assert_eq!(
            verify(&key, &signed(&key, now, b"{}"), b"{ }"),
            SignatureStatus::Invalid
        );
        assert_eq!(
            verify(&key, &signed(&key, now - 400, b"{}"), b"{}"),
            SignatureStatus::Expired
        );
        assert_eq!(
            verify(&key, &HeaderMap::new(), b"{}"),
            SignatureStatus::Invalid
        );
    }
}
