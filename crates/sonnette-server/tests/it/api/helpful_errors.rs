//! Errors of what pretix does not have say what would be right. Its own texts stay.

use serde_json::{Value, json};

use super::client::Api;

#[test]
fn unknown_action_types_name_the_dialect_that_is_off() {
    let api = Api::start();
    let refused = |path: &str, name: &str| {
        let body = json!({"action_type": name, "data": {}});
        let body = if path == "notifications/" {
            body
        } else {
            json!({"action_type": name})
        };
        let answer = api.post(path, body).expect(400).json();
        answer["action_type"][0].as_str().unwrap().to_owned()
    };
    let webhook = api.webhook("http://127.0.0.1:1/");
    for path in ["notifications/".to_owned(), format!("{webhook}test/")] {
        for (name, dialect) in [
            ("tibillet.reservation", "tibillet"),
            ("tibillet.any", "tibillet"),
            ("creads.project.created", "creads"),
        ] {
            let expected = format!(
                "Unknown action type \"{name}\": the dialect {dialect} is off for this organizer; an operator adds it to its \
                 dialects."
            );
            assert_eq!(refused(&path, name), expected);
        }
        assert_eq!(
            refused(&path, "no.such"),
            "Unknown action type \"no.such\"."
        );
    }
    let wildcard = refused("notifications/", "pretix.event.order.*");
    assert!(
        wildcard
            .ends_with("a wildcard selects action types for a webhook, and cannot be sent itself.")
    );
    // The text of the webhook's resource is pretix's.
    let body = json!({"target_url": "http://a.example/", "limit_events": [], "action_types": ["tibillet.reservation"]});
    let answer = api.post("webhooks/", body).expect(400).json();
    assert_eq!(
        answer,
        json!({"action_types": ["Invalid action type \"tibillet.reservation\"."]})
    );
}

#[test]
fn action_types_of_a_dialect_that_is_off_are_not_registered() {
    let api = Api::start();
    let as_operator =
        |method: &str, path: &str, body| api.call_as(&api.operator, method, path, Some(body));
    let organizers = "/api/v1/organizers/";
    let body = json!({"slug": "tickets", "name": "Tickets", "dialects": ["pretix"]});
    as_operator("POST", organizers, body).expect(201);
    let body = json!({"slug": "parcels", "name": "Parcels", "dialects": ["custom"]});
    as_operator("POST", organizers, body).expect(201);
    for (organizer, name, dialect) in [
        ("tickets", "parcel.sent", "custom"),
        ("parcels", "pretix.event.plugin.sent", "pretix"),
    ] {
        let path = format!("{organizers}{organizer}/action_types/");
        let answer = as_operator("POST", &path, json!({"action_type": name}))
            .expect(400)
            .json();
        let expected = format!(
            "The dialect {dialect} is off for this organizer; an operator adds it to its dialects."
        );
        assert_eq!(answer, json!({"action_type": [expected]}));
        let both = json!({"dialects": ["pretix", "custom"]});
        as_operator("PATCH", &format!("{organizers}{organizer}/"), both).expect(200);
        let mut body = json!({"action_type": name});
        if dialect == "pretix" {
            body["family"] = json!("order");
        }
        as_operator("POST", &path, body).expect(201);
    }
}

#[test]
fn wrong_choices_list_the_choices() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    let check = |answer: Value, field: &str, choices: &str| {
        let expected = format!("\"stripe\" is not a valid choice. Choose one of {choices}.");
        assert_eq!(answer, json!({field: [expected]}));
    };
    let as_operator = |path: &str, body| {
        let answer = api.call_as(&api.operator, "POST", path, Some(body));
        answer.expect(400).json()
    };
    let answer = as_operator(
        "/api/v1/organizers/",
        json!({"slug": "x", "dialects": ["stripe"]}),
    );
    check(answer, "dialects", "pretix, tibillet, creads, custom");
    let answer = as_operator("tokens/", json!({"permissions": ["stripe"]}));
    check(answer, "permissions", "webhooks, publish, organizer");
    let answer = as_operator(
        "action_types/",
        json!({"action_type": "pretix.x", "family": "stripe"}),
    );
    check(
        answer,
        "family",
        "order, checkin, event, subevent, item, waitinglist, voucher, customer, giftcard, giftcardtransaction",
    );
    let settings = format!("{webhook}settings/");
    let answer = api.call(
        "PATCH",
        &settings,
        Some(json!({"signature_scheme": ["stripe"]})),
    );
    check(
        answer.expect(400).json(),
        "signature_scheme",
        "standard, ed25519, creads",
    );
    let answer = api
        .get(&format!("{webhook}deliveries/?state=stripe"))
        .expect(400);
    check(
        answer.json(),
        "state",
        "scheduled, held, delivered, given_up, dropped",
    );
    let retry = json!({"since": "2026-01-01T00:00:00Z", "state": "stripe"});
    let answer = api.post(&format!("{webhook}retry/"), retry).expect(400);
    check(
        answer.json(),
        "state",
        "scheduled, held, given_up, dropped, missed",
    );
    let answer = as_operator(
        "/api/v1/organizers/",
        json!({"slug": "x", "language": "stripe"}),
    );
    check(answer, "language", "en, fr");
}

#[test]
fn wrong_times_show_an_example() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    let expected = json!({"since": ["Enter a date and time such as 2026-11-21T18:00:00Z."]});
    let retry = format!("{webhook}retry/");
    assert_eq!(
        api.post(&retry, json!({"since": "yesterday"}))
            .expect(400)
            .json(),
        expected
    );
    for list in [
        "notifications/",
        "attempts/",
        &format!("{webhook}attempts/"),
    ] {
        let answer = api.get(&format!("{list}?since=yesterday")).expect(400);
        assert_eq!(answer.json(), expected, "{list}");
    }
}

/// Private addresses of any kind: the log and a test name the setting.
#[test]
fn a_private_address_names_the_setting_that_allows_it() {
    let api = Api::start();
    for url in [
        "http://10.0.0.5/",
        "http://[fd00::1]/",
        "http://169.254.169.254/",
    ] {
        let webhook = api.webhook(url);
        let attempt = api
            .post(&format!("{webhook}test/"), json!({}))
            .expect(200)
            .json();
        let error = attempt["error"].as_str().unwrap();
        assert!(
            error.contains("not publicly reachable") && error.contains("allow_target"),
            "{error}"
        );
        let log = api.wait(&format!("{webhook}attempts/"), |log| {
            log["results"][0].is_object()
        });
        assert_eq!(log["results"][0]["error"], attempt["error"]);
    }
}
