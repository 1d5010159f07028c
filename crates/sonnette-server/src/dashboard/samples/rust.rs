// A receiver of webhooks with axum. In Cargo.toml:
//
//     [dependencies]
//     axum = "0.8"
//     serde_json = "1"
//     standardwebhooks = "1"
//     tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync"] }
//
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

struct Receiver {
    webhook: Webhook,
    /// Lost when the process ends: in production, use a table with a unique column, and write to it in the
    /// transaction that does the work.
    seen: Mutex<HashSet<String>>,
}

fn work(body: &[u8]) -> Result<(), serde_json::Error> {
    // The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
    let notification: Value = serde_json::from_slice(body)?;
    let names = ["action", "type", "event"];
    if let Some(value) = names.iter().find_map(|name| notification[name].as_str()) {
        println!("received {value}");
    }
    Ok(())
}

// `Bytes` are the bytes as they came: JSON that was parsed and written again has another signature.
async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    // Looks at the time, and at all signatures: after a change of the secret there are two for a day.
    if receiver.webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let id = String::from_utf8_lossy(headers["webhook-id"].as_bytes()).into_owned();
    let mut seen = receiver.seen.lock().await;
    // Whatever is sent again comes with the same webhook-id.
    if !seen.contains(&id) {
        if work(&body).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        seen.insert(id);
    }
    StatusCode::OK
}

#[tokio::main]
async fn main() {
    let secret = std::env::var("SONNETTE_SECRET").unwrap_or_default();
    assert!(secret.len() > "whsec_".len(), "SONNETTE_SECRET is not set");
    let receiver = Receiver {
        webhook: Webhook::new(&secret).expect("SONNETTE_SECRET should be base64"),
        seen: Mutex::default(),
    };
    let port = std::env::var("PORT").unwrap_or("8000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .expect("the port should be free");
    let router = Router::new()
        .fallback(receive)
        .with_state(Arc::new(receiver));
    axum::serve(listener, router)
        .await
        .expect("nothing ends the server");
}
