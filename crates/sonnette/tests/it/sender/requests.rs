//! What a receiver sees.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use insta::assert_snapshot;
use ring::signature::{ED25519, UnparsedPublicKey};
use sonnette::clock::Clock as _;
use sonnette::domain::{ExtraHeader, SignatureScheme, SigningSeed, SigningSeeds, Webhook};
use sonnette::engine::sender::{Request, public_key};
use sonnette::testing::{ReceivedRequest, Receiver, ScriptedResponse};

use super::{BODY, TestSender, answered, later, secret, webhook};

fn extra(name: &str, value: &str) -> ExtraHeader {
    ExtraHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// Whether the published library accepts the request at the time of the machine.
fn verifies(request: &ReceivedRequest, webhook: &Webhook) -> bool {
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.header(name).unwrap().parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(webhook.secrets.current.text()).unwrap();
    verifier.verify(&request.body, &headers).is_ok()
}

#[tokio::test]
async fn the_request_has_the_documented_headers() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let exchange = sender
        .send(&webhook(receiver.url_of("/in?a=1&b=%20#part")))
        .await;
    assert_eq!(answered(&exchange), 200);
    assert_eq!(exchange.started_at, sender.clock.now());

    let request = receiver.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/in?a=1&b=%20")
    );
    assert_eq!(request.body, BODY);
    let lines: Vec<_> = request
        .headers
        .iter()
        .map(|(n, v)| format!("{n}: {v}\n"))
        .collect();
    let lines = lines.concat();
    assert_eq!(
        exchange.request_headers, lines,
        "what is on record is what was sent"
    );
    let port = receiver.address().port().to_string();
    assert_snapshot!(lines.replace(&port, "PORT"), @r"
    host: 127.0.0.1:PORT
    user-agent: sonnette/test
    content-type: application/json
    content-length: 58
    webhook-id: wh7-n1
    webhook-timestamp: 1772366400
    webhook-signature: v1,4qI8/xBPDVc/B4j4WwxNcPcf40OHYtijQe7Ct99QSP0=
    ");
}

#[tokio::test]
async fn the_published_library_verifies_the_signature() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let mut webhook = webhook(receiver.url());
    #[expect(
        clippy::disallowed_methods,
        reason = "the library compares with the machine's clock"
    )]
    sender.clock.set(jiff::Timestamp::now());
    sender.send(&webhook).await;
    let request = receiver.requests().remove(0);
    assert!(verifies(&request, &webhook));
    webhook.secrets.current = secret(9);
    assert!(!verifies(&request, &webhook));
}

#[tokio::test]
async fn two_secrets_sign_for_as_long_as_both_are_in_force() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the library compares with the machine's clock"
    )]
    sender.clock.set(jiff::Timestamp::now());
    let now = sender.clock.now();
    let old = webhook(receiver.url());
    let mut new = old.clone();
    new.secrets.current = secret(2);
    new.secrets.previous = Some((old.secrets.current.clone(), later(now, 60)));

    sender.send(&new).await;
    sender.clock.set(later(now, 60));
    sender.send(&new).await;
    let [both, one] = &receiver.requests()[..] else {
        panic!("two requests")
    };
    let entries = |request: &ReceivedRequest| {
        request
            .header("webhook-signature")
            .unwrap()
            .split(' ')
            .count()
    };
    assert_eq!((entries(both), entries(one)), (2, 1));
    assert!(verifies(both, &new) && verifies(both, &old));
    assert!(verifies(one, &new) && !verifies(one, &old));
}

#[tokio::test]
async fn creads_adds_its_own_signature() {
    let receiver = Receiver::start().await;
    let mut webhook = webhook(receiver.url());
    webhook
        .settings
        .extra_signatures
        .insert(SignatureScheme::Creads);
    TestSender::new().send(&webhook).await;
    let request = receiver.requests().remove(0);
    let key = ring::hmac::Key::new(
        ring::hmac::HMAC_SHA256,
        webhook.secrets.current.text().as_bytes(),
    );
    let shown = request.header("x-partners-signature").unwrap();
    assert_eq!(shown.len(), 64);
    assert_eq!(shown, shown.to_lowercase());
    let tag: Vec<u8> = (0..64)
        .step_by(2)
        .map(|i| u8::from_str_radix(&shown[i..i + 2], 16).unwrap())
        .collect();
    assert!(ring::hmac::verify(&key, &request.body, &tag).is_ok());
    assert!(request.header("webhook-signature").is_some());
}

#[tokio::test]
async fn credentials_of_the_url_become_basic_authentication() {
    let receiver = Receiver::start().await;
    let url = receiver
        .url_of("/in")
        .replace("http://", "http://us%40er:p%2Fw%3A%C3%A9@");
    let exchange = TestSender::new().send(&webhook(url)).await;
    let request = receiver.requests().remove(0);
    // us@er:p/w:é
    assert_eq!(
        request.header("authorization"),
        Some("Basic dXNAZXI6cC93OsOp")
    );
    assert_eq!(request.path, "/in");
    assert_eq!(
        request.header("host"),
        Some(receiver.address().to_string().as_str())
    );
    assert!(
        exchange.request_headers.contains("authorization: ***\n"),
        "{}",
        exchange.request_headers
    );
    assert!(!format!("{exchange:?}").contains("dXNAZXI6"));
}

#[tokio::test]
async fn a_user_without_password_is_not_sent() {
    let receiver = Receiver::start().await;
    let url = receiver.url().replace("http://", "http://user@");
    TestSender::new().send(&webhook(url)).await;
    assert_eq!(receiver.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn extra_headers_are_sent_and_masked() {
    let receiver = Receiver::start().await;
    let mut webhook = webhook(receiver.url().replace("http://", "http://a:b@"));
    webhook.settings.headers = vec![
        extra("X-Api-Key", "s3cret"),
        extra("Authorization", "Bearer t0ken"),
        extra("User-Agent", "mine"),
        extra("webhook-id", "forged"),
        extra("Content-Length", "1"),
        extra("Transfer-Encoding", "chunked"),
    ];
    let exchange = TestSender::new().send(&webhook).await;
    let request = receiver.requests().remove(0);
    let all = |name: &str| {
        request
            .headers
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(all("x-api-key"), ["s3cret"]);
    assert_eq!(all("authorization"), ["Bearer t0ken"]);
    assert_eq!(all("user-agent"), ["mine"]);
    assert_eq!(all("webhook-id"), ["wh7-n1"]);
    assert_eq!(all("content-length"), [BODY.len().to_string()]);
    assert!(all("transfer-encoding").is_empty());
    for line in ["x-api-key: ***", "authorization: ***", "user-agent: ***"] {
        assert!(
            exchange.request_headers.lines().any(|l| l == line),
            "{line}"
        );
    }
    let shown = format!("{exchange:?} {webhook:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("t0ken"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_test_is_marked() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let prepared = sender.sender.prepare(&webhook(receiver.url()));
    let body = Bytes::from_static(b"{}");
    let request = Request {
        prepared: &prepared,
        message_id: "a",
        body,
        test: true,
        is_repeat: false,
    };
    sender.sender.send(&sender.connections, request).await;
    assert_eq!(receiver.requests()[0].header("webhook-test"), Some("1"));
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let prepared = sender.sender.prepare(&webhook(receiver.url()));
    let body = Bytes::from(vec![b' '; 3_000_000]);
    let request = Request {
        prepared: &prepared,
        message_id: "a",
        body: body.clone(),
        test: false,
        is_repeat: false,
    };
    assert_eq!(
        answered(&sender.sender.send(&sender.connections, request).await),
        200
    );
    assert_eq!(receiver.requests()[0].body, body);
}

#[tokio::test]
async fn the_timeout_of_a_webhook_applies() {
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::silent());
    let mut webhook = webhook(receiver.url());
    webhook.settings.timeout = Some(Duration::from_millis(200));
    let exchange = TestSender::new().send(&webhook).await;
    assert_eq!(super::failed(&exchange).1, "no answer within 0.2 s");
}

#[tokio::test]
async fn ed25519_signs_if_it_is_enabled() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let now = sender.clock.now();
    let mut webhook = webhook(receiver.url());
    webhook.settings.signing_seeds = Some(SigningSeeds {
        current: SigningSeed([1; 32]),
        previous: Some((SigningSeed([2; 32]), later(now, 60))),
    });
    sender.send(&webhook).await;
    webhook
        .settings
        .extra_signatures
        .insert(SignatureScheme::Ed25519);
    sender.send(&webhook).await;
    sender.clock.set(later(now, 60));
    sender.send(&webhook).await;

    let requests = receiver.requests();
    let asymmetric = |request: &ReceivedRequest| -> Vec<Vec<u8>> {
        let value = request.header("webhook-signature").unwrap();
        let entries = value
            .split(' ')
            .filter_map(|entry| entry.strip_prefix("v1a,"));
        entries.map(|text| STANDARD.decode(text).unwrap()).collect()
    };
    let counts: Vec<_> = requests.iter().map(|r| asymmetric(r).len()).collect();
    assert_eq!(
        counts,
        [0, 2, 1],
        "only where it is chosen; the one before for a day"
    );
    let verifies = |seed: u8, request: &ReceivedRequest, signature: &[u8]| {
        let shown = public_key(&SigningSeed([seed; 32])).unwrap();
        let key = STANDARD
            .decode(shown.strip_prefix("whpk_").unwrap())
            .unwrap();
        assert_eq!(key.len(), 32);
        let head = |name| request.header(name).unwrap();
        let mut signed =
            format!("{}.{}.", head("webhook-id"), head("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(&request.body);
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(&signed, signature).is_ok()
    };
    let both = asymmetric(&requests[1]);
    assert!(verifies(1, &requests[1], &both[0]) && verifies(2, &requests[1], &both[1]));
    assert!(!verifies(2, &requests[1], &both[0]));
    assert!(verifies(1, &requests[2], &asymmetric(&requests[2])[0]));
}
