//! What a receiver does: look at the signature, take the body, answer.

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

/// The action type that is turned away the first time.
pub(super) const STUMBLES_AT: &str = "pretix.event.checkin";
/// A signature that is older may have been recorded and sent again.
const TOLERANCE: i64 = 5 * 60;

/// Listens until the process ends.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// By path.
    keys: Mutex<HashMap<String, hmac::Key>>,
    /// Whether it has turned one away.
    stumbled: Mutex<bool>,
}

/// What the signature is worth.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Genuine,
    TooOld,
    Forged,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genuine => "signature ok",
            Self::TooOld => "signature too old",
            Self::Forged => "SIGNATURE WRONG",
        })
    }
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("there is no free port")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move {
            // It never ends by itself.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, shared })
    }

    /// The URL of a path, which begins with `/`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Requests to this path are signed with that.
    pub(super) fn expect(&self, path: &str, secret: &Secret) {
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
    let verdict = key.map_or(Verdict::Forged, |key| verify(&key, &headers, &body));
    let status = if verdict != Verdict::Genuine {
        StatusCode::UNAUTHORIZED
    } else if is_about(&body, STUMBLES_AT) && !std::mem::replace(&mut *shared.stumbled.lock(), true)
    {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let shown = format!(
        "  received   {method} {}  webhook-id {}  {verdict}\n             {}\n             answered {}",
        uri.path(),
        text("webhook-id"),
        String::from_utf8_lossy(&body),
        status.as_u16(),
    );
    match output::line(shown) {
        Ok(()) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn is_about(body: &[u8], action_type: &str) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["action"] == action_type
}

/// As Standard Webhooks has it, without one of its libraries.
fn verify(key: &hmac::Key, headers: &HeaderMap, body: &[u8]) -> Verdict {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let timestamp = text("webhook-timestamp");
    let signed = [text("webhook-id").as_bytes(), timestamp.as_bytes(), body].join(&b'.');
    let genuine = text("webhook-signature")
        .split(' ')
        .filter_map(|entry| STANDARD.decode(entry.strip_prefix("v1,")?).ok())
        .any(|tag| hmac::verify(key, &signed, &tag).is_ok());
    if !genuine {
        return Verdict::Forged;
    }
    let age = timestamp
        .parse()
        .map(|then: i64| SystemClock.now().as_second().saturating_sub(then));
    match age {
        Ok(age) if age.saturating_abs() <= TOLERANCE => Verdict::Genuine,
        _ => Verdict::TooOld,
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
    fn only_fresh_and_genuine_signatures_pass() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let now = SystemClock.now().as_second();
        assert_eq!(
            verify(&key, &signed(&key, now, b"{}"), b"{}"),
            Verdict::Genuine
        );
        assert_eq!(
            verify(&key, &signed(&key, now, b"{}"), b"{ }"),
            Verdict::Forged
        );
        assert_eq!(
            verify(&key, &signed(&key, now - 400, b"{}"), b"{}"),
            Verdict::TooOld
        );
        assert_eq!(verify(&key, &HeaderMap::new(), b"{}"), Verdict::Forged);
    }
}
