//! The receivers that are known from public code, each rebuilt in a few lines, and what comes of notifications to them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use sonnette::domain::{DialectName, SignatureScheme, WebhookId};
use sonnette::engine::PublishRequest;
use sonnette::store::{AttemptQuery, History as _};
use sonnette::testing::{ReceivedRequest, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, order, request};

const ORDER_PLACED: &str = "pretix.event.order.placed";
const CHECKIN: &str = "pretix.event.checkin";

fn body(request: &ReceivedRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn checkin(code: &str) -> PublishRequest {
    let data = json!({
        "code": code, "orderposition_id": 1, "orderposition_positionid": 1, "checkin_list": 1,
    });
    request(CHECKIN, Some("democon"), &data.to_string())
}

/// A receiver with its webhook, and what it was sent.
struct Scene {
    engine: TestEngine,
    receiver: Receiver,
    webhook: WebhookId,
    _directory: tempfile::TempDir,
}

impl Scene {
    /// A receiver that responds with the status that this chooses. Its webhook has this path, and `user` in the authority.
    async fn start(
        user: &str,
        path: &str,
        respond: impl Fn(&ReceivedRequest) -> u16 + Send + 'static,
    ) -> Self {
        let receiver = Receiver::start().await;
        receiver.respond_using(move |request| ScriptedResponse::status(respond(request)));
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        let url = receiver.url_of(path);
        let url = url.replace("http://", &format!("http://{user}"));
        let webhook = engine.add_webhook(&url, &[ORDER_PLACED, CHECKIN]);
        Self {
            engine,
            receiver,
            webhook,
            _directory: directory,
        }
    }

    /// Publishes two orders and six checkins, and returns the status of each first attempt: of orders, of checkins.
    async fn sends_both(&self) -> (Vec<u16>, Vec<u16>) {
        for number in 0..6 {
            let checkin = checkin(&format!("C{number}"));
            self.engine.publish(vec![checkin]).await.unwrap();
        }
        self.engine.order("A1").await;
        self.engine.order("A2").await;
        self.engine.settled(self.webhook, 8).await;
        let statuses = |name: &str| {
            let query = AttemptQuery {
                action_type: Some(name.to_owned()),
                limit: 100,
                ..AttemptQuery::default()
            };
            let attempts = self.engine.store.attempts(&[self.webhook], &query).unwrap();
            let first = attempts.iter().filter(|attempt| attempt.number == 1);
            first.map(|a| a.exchange.outcome.return_code()).collect()
        };
        (statuses(ORDER_PLACED), statuses(CHECKIN))
    }

    async fn is_failing(&self) -> bool {
        let status = self.engine.sonnette.lane_status(self.webhook).await;
        status.unwrap().health.is_failing()
    }

    async fn refused_types(&self) -> Vec<String> {
        let status = self.engine.sonnette.lane_status(self.webhook).await;
        let types = status.unwrap().refused_action_types;
        types.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn pycon_takes_basic_authentication_and_all_types() {
    let expected = format!("Basic {}", STANDARD.encode("pretix:secret"));
    let is_allowed = move |r: &ReceivedRequest| r.header("authorization") == Some(&expected);
    let scene = Scene::start("pretix:secret@", "/", move |request| {
        if is_allowed(request) { 200 } else { 401 }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![200; 6]));
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_of_the_lane() {
    for status in [401, 403] {
        let scene = Scene::start("pretix:wrong@", "/", move |_| status).await;
        for number in 0..5 {
            scene.engine.order(&format!("A{number}")).await;
            scene.engine.settled(scene.webhook, number + 1).await;
        }
        assert!(scene.is_failing().await, "after {status}");
        scene.engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn the_portal_of_pyladies_refuses_other_actions_with_400() {
    let scene = Scene::start("", "/webhook?secret=s%20e", |request| {
        let body = body(request);
        let keys = ["notification_id", "organizer", "event", "code", "action"];
        let is_complete = keys.iter().all(|key| !body[key].is_null());
        let is_known = request.path.ends_with("?secret=s%20e") && is_complete;
        if is_known && body["action"] == ORDER_PLACED {
            200
        } else {
            400
        }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![400; 6]));
    assert!(!scene.is_failing().await);
    assert_eq!(scene.refused_types().await, [CHECKIN]);
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn stustapay_reads_its_token_from_the_url() {
    let scene = Scene::start("", "/hook?token=ey.J0.x-_", |request| {
        if request.path == "/hook?token=ey.J0.x-_" {
            200
        } else {
            401
        }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![200; 6]));
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_bot_of_fedora_crashes_on_other_types() {
    let scene = Scene::start("", "/", |request| {
        if body(request)["action"] == ORDER_PLACED {
            200
        } else {
            500
        }
    })
    .await;
    for number in 0..5 {
        let checkin = checkin(&format!("C{number}"));
        scene.engine.publish(vec![checkin]).await.unwrap();
        scene.engine.settled(scene.webhook, number + 1).await;
    }
    assert!(scene.is_failing().await, "a crash is a failure");
    // The next probe takes what was never tried.
    scene.engine.order("A1").await;
    let last = scene.receiver.wait_for(6).await.remove(5);
    assert_eq!(body(&last)["action"], ORDER_PLACED);
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_java_connector_answers_400_to_an_error_of_its_own() {
    let failures = Mutex::new(HashSet::new());
    let scene = Scene::start("", "/", move |request| {
        let id = body(request)["notification_id"].as_i64().unwrap();
        // Its handler fails at the first attempt of each.
        if failures.lock().unwrap().insert(id) {
            400
        } else {
            200
        }
    })
    .await;
    let id = scene.engine.order("A1").await.id;
    scene.receiver.wait_for(2).await;
    scene.engine.settled(scene.webhook, 2).await;
    let requests = scene.receiver.requests();
    assert_eq!(body(&requests[0])["notification_id"], id.0);
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
    assert!(!scene.is_failing().await);
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_drupal_module_takes_unknown_types_and_fails_with_its_api() {
    let scene = Scene::start("", "/", |request| {
        if body(request)["action"] == ORDER_PLACED {
            500
        } else {
            200
        }
    })
    .await;
    let (placed, checkins) = scene.sends_both().await;
    assert_eq!((placed, checkins), (vec![500; 2], vec![200; 6]));
    assert_eq!(scene.refused_types().await, [""; 0], "500 is no refusal");
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_rust_crate_answers_404_to_unlisted_types_and_400_without_an_event() {
    let scene = Scene::start("pretix:secret@", "/", |request| {
        let body = body(request);
        match body["action"].as_str().unwrap() {
            _ if body["event"].is_null() => 400,
            ORDER_PLACED => 200,
            _ => 404,
        }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![404; 6]));
    assert!(!scene.is_failing().await);
    assert_eq!(scene.refused_types().await, [CHECKIN]);
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_middleware_of_pytexas_and_those_that_insert_rows_see_each_number_once() {
    let seen = Mutex::new(HashSet::new());
    let scene = Scene::start("", "/", move |request| {
        let body = body(request);
        let is_new = seen
            .lock()
            .unwrap()
            .insert(body["notification_id"].as_i64());
        // `code` is required; a repeated number is taken for a repeat.
        if body["code"].is_string() && is_new {
            200
        } else {
            422
        }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![200; 6]));
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn those_that_look_for_a_signature_of_pretix_find_none() {
    let scene = Scene::start("", "/", |request| {
        if request.header("x-pretix-signature").is_some() {
            400
        } else {
            200
        }
    })
    .await;
    assert_eq!(scene.sends_both().await, (vec![200; 2], vec![200; 6]));
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn slow_answers_are_waited_for() {
    for milliseconds in [200, 1_500] {
        let scene = Scene::start("", "/", |_| 200).await;
        scene.receiver.respond_using(move |_| {
            ScriptedResponse::ok().delayed(Duration::from_millis(milliseconds))
        });
        assert_eq!(scene.sends_both().await, (vec![200; 2], vec![200; 6]));
        assert_eq!(scene.receiver.requests().len(), 8);
        scene.engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn the_platform_for_repairs_wants_an_email_and_drops_repeats() {
    const MEMBERSHIP: &str = "tibillet.membership";
    let scene = Scene::start("", "/", |request| {
        let email = body(request)["email"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if email.contains('@') { 200 } else { 400 }
    })
    .await;
    scene.engine.set_dialects(&[DialectName::Tibillet]).await;
    let types = [MEMBERSHIP.parse().unwrap()];
    scene
        .engine
        .change_webhook(scene.webhook, |w| w.action_types = types.to_vec())
        .await;
    let member = |user: Value| {
        let data = json!({
            "id": 1, "uuid": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10", "status": "L", "card_number": "A1B2C3D4",
            "date_added": "2026-03-01T09:15:29Z", "deadline": "2036-03-01T09:15:29Z", "user": user,
        });
        request(MEMBERSHIP, None, &data.to_string())
    };
    let anna = json!({"id": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b11", "email": "anna@example.org"});
    let members = vec![member(Value::Null), member(anna)];
    scene.engine.publish(members).await.unwrap();
    scene.engine.settled(scene.webhook, 2).await;
    let requests = scene.receiver.requests();
    let known = requests
        .iter()
        .find(|r| body(r)["email"] == "anna@example.org");
    let anonymous = requests
        .iter()
        .find(|r| body(r)["email"] == "Anonymous A1B2C3D4");
    assert_eq!(
        body(known.unwrap())["uuid"],
        body(anonymous.unwrap())["uuid"]
    );
    // All come from one address, which may be listed.
    assert!(!scene.is_failing().await);
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn the_php_client_of_creads_verifies_the_hex_of_the_raw_body() {
    let secret =
        crate::test_engine::webhook(sonnette::domain::OrganizerId(1), "http://a.test/", &[])
            .secrets
            .current
            .text()
            .to_owned();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let scene = Scene::start("", "/", move |request| {
        let tag = hmac::sign(&key, &request.body);
        let mut hex = String::new();
        for byte in tag.as_ref() {
            write!(hex, "{byte:02x}").unwrap();
        }
        if request.header("x-partners-signature") == Some(&hex) {
            200
        } else {
            403
        }
    })
    .await;
    scene
        .engine
        .set_dialects(&[DialectName::Creads, DialectName::Pretix])
        .await;
    scene
        .engine
        .change_webhook(scene.webhook, |w| {
            w.settings.extra_signatures.insert(SignatureScheme::Creads);
        })
        .await;
    scene
        .engine
        .publish(vec![order("A1"), checkin("C1")])
        .await
        .unwrap();
    scene.engine.settled(scene.webhook, 2).await;
    let query = AttemptQuery {
        success: Some(true),
        limit: 10,
        ..AttemptQuery::default()
    };
    let log = scene
        .engine
        .store
        .attempts(&[scene.webhook], &query)
        .unwrap();
    assert_eq!(log.len(), 2);
    scene.engine.sonnette.stop().await;
}
