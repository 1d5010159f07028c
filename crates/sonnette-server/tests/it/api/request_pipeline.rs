//! Stations that every request passes, in pretix's order.

use super::client::{Api, ORGANIZER};

#[test]
fn checks_are_made_in_the_order_of_pretix() {
    let api = Api::start();
    let webhooks = format!("{ORGANIZER}webhooks/");
    let accept = "Accept: text/html\r\n";
    let detail =
        |answer: super::client::ApiResponse| answer.json()["detail"].as_str().unwrap().to_owned();

    assert_eq!(
        detail(api.get("/api/v1/nowhere/").expect(404)),
        "Not found."
    );
    assert_eq!(
        detail(api.get("/api/v2/organizers/").expect(404)),
        "Not found."
    );
    let head = |method: &str, path: &str, more: &str| format!("{method} {path} HTTP/1.1\r\n{more}");
    let refused = api.raw(&head("PUT", &webhooks, accept), b"").expect(406);
    assert_eq!(
        refused.text,
        r#"{"detail":"Could not satisfy the request Accept header."}"#
    );
    let refused = api.raw(&head("PUT", &webhooks, ""), b"").expect(401);
    assert_eq!(
        refused.text,
        r#"{"detail":"Authentication credentials were not provided."}"#
    );
    assert_eq!(refused.header("www-authenticate"), Some("Token"));
    let publisher = api.token_for("publish");
    api.call_as(&publisher, "PUT", "webhooks/", None)
        .expect(403);
    api.call("PUT", "/api/v1/organizers/nobody/webhooks/", None)
        .expect(403);
    api.call("PUT", "/api/v1/organizers/BigEvents/webhooks/", None)
        .expect(403);
    let refused = api.call("PUT", "webhooks/", None).expect(405);
    assert_eq!(refused.text, r#"{"detail":"Method \"PUT\" not allowed."}"#);
    assert_eq!(refused.header("allow"), Some("GET, POST, HEAD, OPTIONS"));
    let missing = api
        .call("PATCH", "webhooks/77/", Some(serde_json::json!([])))
        .expect(404);
    assert_eq!(
        missing.text,
        r#"{"detail":"No WebHook matches the given query."}"#
    );
    assert_eq!(detail(api.get("webhooks/x/").expect(404)), "Not found.");
    let huge = api.get("webhooks/99999999999999999999/").expect(404);
    assert_eq!(huge.text, missing.text);
    for empty in ["/api/v1/organizers//webhooks/", "webhooks//"] {
        let path = if empty.starts_with('/') {
            empty.to_owned()
        } else {
            format!("{ORGANIZER}{empty}")
        };
        assert_eq!(
            detail(api.raw(&head("GET", &path, ""), b"").expect(404)),
            "Not found."
        );
    }
}

#[test]
fn every_json_response_has_the_same_headers() {
    let api = Api::start();
    for answer in [
        api.get("webhooks/"),
        api.get("webhooks/9/"),
        api.get("events/"),
        api.call("PUT", "webhooks/", None),
    ] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("vary"), Some("Accept"));
        assert_eq!(answer.header("content-language"), Some("en"));
        assert!(answer.header("allow").unwrap().ends_with("HEAD, OPTIONS"));
    }
}

#[test]
fn a_missing_slash_redirects_reading_methods() {
    let api = Api::start();
    let moved = api.get("webhooks?enabled=true").expect(301);
    assert_eq!(
        moved.header("location"),
        Some("/api/v1/organizers/bigevents/webhooks/?enabled=true")
    );
    api.call("DELETE", "webhooks/1", None).expect(301);
    api.call("POST", "webhooks", None).expect(404);
    api.get("webhooks.json").expect(200);
    api.get("webhooks/?format=json").expect(200);
    api.get("webhooks/?format=xml").expect(404);
    api.get("webhooks/?x=%00").expect(400);
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    let api = Api::start();
    let token = api.token_for("publish");
    api.call_as(&token, "GET", "events/", None).expect(200);
    let tokens = api.call_as(&api.operator, "GET", "tokens/", None).json();
    let id = &tokens["results"].as_array().unwrap().last().unwrap()["id"];
    api.call_as(&api.operator, "DELETE", &format!("tokens/{id}/"), None)
        .expect(204);
    let refused = api.call_as(&token, "GET", "events/", None).expect(401);
    assert_eq!(refused.text, r#"{"detail":"Token inactive or deleted."}"#);
    api.call_as(
        &token,
        "POST",
        "notifications/",
        Some(super::client::order("A")),
    )
    .expect(401);
}

#[test]
fn an_error_reaches_a_client_that_is_still_sending() {
    let api = Api::start();
    let body = vec![b' '; 4 << 20];
    let path = format!("{ORGANIZER}notifications/");
    for (request, status) in [
        (format!("POST {path} HTTP/1.1\r\n"), 401),
        ("POST /api/v1/nowhere/ HTTP/1.1\r\n".to_owned(), 404),
        (
            format!(
                "PUT {path} HTTP/1.1\r\nAuthorization: Token {}\r\n",
                api.token
            ),
            405,
        ),
    ] {
        api.raw(&request, &body).expect(status);
    }
}
