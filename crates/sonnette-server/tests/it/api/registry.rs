//! Organizers, events, action types and tokens.

use serde_json::json;

use super::client::Api;

#[test]
fn operators_create_organizers() {
    let api = Api::start();
    let as_operator =
        |method: &str, path: &str, body| api.call_as(&api.operator, method, path, Some(body));
    api.post("/api/v1/organizers/", json!({"slug": "other"}))
        .expect(403);
    let made = as_operator(
        "POST",
        "/api/v1/organizers/",
        json!({"slug": "other", "dialects": ["creads"]}),
    )
    .expect(201)
    .json();
    assert_eq!(
        made["failure_policy"],
        json!({"disable_after": {"failures": 20, "seconds": 3600}})
    );
    let taken = as_operator("POST", "/api/v1/organizers/", json!({"slug": "other"}))
        .expect(400)
        .json();
    assert!(taken["slug"][0].as_str().unwrap().contains("already"));
    assert_eq!(api.get("/api/v1/organizers/").json()["count"], 1);
    assert_eq!(
        api.call_as(&api.operator, "GET", "/api/v1/organizers/", None)
            .json()["count"],
        2
    );
    let changed = as_operator(
        "PATCH",
        "",
        json!({"name": "Big", "failure_policy": {"disable_after": null}}),
    )
    .expect(200);
    assert_eq!(changed.json()["name"], "Big");
    as_operator("PATCH", "", json!({"slug": "small"})).expect(400);
    api.call("PATCH", "", Some(json!({"name": "x"})))
        .expect(403);
}

/// The answer that creates an organizer shows the policy that applies, which follows the dialects until one is set.
#[test]
fn the_default_failure_policy_follows_the_dialects() {
    let api = Api::start();
    let never = json!({"disable_after": null});
    let after = json!({"disable_after": {"failures": 20, "seconds": 3600}});
    let as_operator = |method: &str, path: &str, body| {
        let answer = api.call_as(&api.operator, method, path, Some(body));
        answer.json()["failure_policy"].clone()
    };
    for (number, (dialects, policy)) in [
        (json!(["pretix", "custom"]), &never),
        (json!(["pretix"]), &never),
        (json!(["custom"]), &after),
        (json!(["tibillet"]), &after),
        (json!(["pretix", "tibillet"]), &after),
        (json!(["pretix", "custom", "creads"]), &after),
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("o{number}");
        let body = json!({"slug": slug, "dialects": dialects});
        assert_eq!(
            as_operator("POST", "/api/v1/organizers/", body),
            *policy,
            "{dialects}"
        );
    }
    assert_eq!(
        as_operator("POST", "/api/v1/organizers/", json!({"slug": "new"})),
        never
    );
    let path = "/api/v1/organizers/new/";
    assert_eq!(
        as_operator("PATCH", path, json!({"dialects": ["custom"]})),
        after
    );
    assert_eq!(
        as_operator("PATCH", path, json!({"failure_policy": never})),
        never
    );
    assert_eq!(
        as_operator("PATCH", path, json!({"failure_policy": null})),
        after
    );
}

#[test]
fn deleted_events_leave_the_filters_of_webhooks() {
    let api = Api::start();
    let own = api.token_for("organizer");
    let made = api.call_as(
        &own,
        "POST",
        "events/",
        Some(json!({"slug": "gala", "date_from": "2026-12-24T18:00:00Z"})),
    );
    assert_eq!(made.expect(201).json()["name"], "gala");
    api.call_as(&own, "POST", "events/", Some(json!({"slug": "gala"})))
        .expect(400);
    let body =
        json!({"target_url": "https://a.example/", "limit_events": ["gala"], "action_types": []});
    assert_eq!(
        api.post("webhooks/", body).expect(201).json()["all_events"],
        false
    );
    api.call_as(&own, "PATCH", "events/gala/", Some(json!({"name": "Gala"})))
        .expect(200);
    assert_eq!(api.get("events/gala/").json()["name"], "Gala");
    api.call_as(&own, "DELETE", "events/gala/", None)
        .expect(204);
    api.get("events/gala/").expect(404);
    let webhook = api.get("webhooks/1/").json();
    assert_eq!(
        (&webhook["limit_events"], &webhook["all_events"]),
        (&json!([]), &json!(false))
    );
}

#[test]
fn registered_action_types_can_be_published() {
    let api = Api::start();
    let own = api.token_for("organizer");
    assert_eq!(api.get("action_types/").json()["count"], 47);
    let body = json!({"action_type": "membership.renewed", "schema": {"type": "object", "required": ["n"]}, "example": {"n": 1}});
    api.call_as(&own, "POST", "action_types/", Some(body.clone()))
        .expect(201);
    api.call_as(&own, "POST", "action_types/", Some(body))
        .expect(409);
    api.post(
        "notifications/",
        json!({"action_type": "membership.renewed", "data": {"n": 1}}),
    )
    .expect(201);
    api.post(
        "notifications/",
        json!({"action_type": "membership.renewed", "data": {}}),
    )
    .expect(400);
    let pretix = json!({"action_type": "pretix.plugin.done", "family": "order"});
    api.call_as(&own, "POST", "action_types/", Some(pretix.clone()))
        .expect(400);
    api.call_as(&api.operator, "POST", "action_types/", Some(pretix))
        .expect(201);
    let changed = api.call_as(
        &own,
        "PATCH",
        "action_types/membership.renewed/",
        Some(json!({"schema": null})),
    );
    assert_eq!(
        changed.expect(200).json()["schema"],
        json!({"type": "object"})
    );
    api.call_as(&own, "DELETE", "action_types/membership.renewed/", None)
        .expect(204);
    api.post(
        "notifications/",
        json!({"action_type": "membership.renewed", "data": {}}),
    )
    .expect(400);
    api.call_as(
        &own,
        "DELETE",
        "action_types/pretix.event.order.placed/",
        None,
    )
    .expect(409);
}

#[test]
fn a_token_grants_only_its_own_permissions() {
    let api = Api::start();
    let own = api.token_for("organizer");
    api.call_as(
        &own,
        "POST",
        "tokens/",
        Some(json!({"permissions": ["publish"]})),
    )
    .expect(403);
    api.call_as(
        &own,
        "POST",
        "tokens/",
        Some(json!({"permissions": ["everything"]})),
    )
    .expect(400);
    let made = api
        .call_as(
            &own,
            "POST",
            "tokens/",
            Some(json!({"name": "n", "permissions": ["organizer"]})),
        )
        .expect(201)
        .json();
    assert!(made["token"].as_str().unwrap().len() >= 40);
    let listed = api.get("tokens/").expect(200);
    assert!(!listed.text.contains(made["token"].as_str().unwrap()));
    let path = format!("tokens/{}/", made["id"]);
    assert_eq!(
        api.call_as(&own, "PATCH", &path, Some(json!({"active": false})))
            .expect(200)
            .json()["active"],
        false
    );
    api.call_as(made["token"].as_str().unwrap(), "GET", "events/", None)
        .expect(401);
}

#[test]
fn a_token_changes_within_the_permissions_of_the_caller() {
    let api = Api::start();
    let as_operator =
        |method: &str, path: &str, body| api.call_as(&api.operator, method, path, Some(body));
    let made = as_operator(
        "POST",
        "tokens/",
        json!({"permissions": ["webhooks", "publish"]}),
    )
    .expect(201)
    .json();
    let path = format!("tokens/{}/", made["id"]);
    let text = made["token"].as_str().unwrap();
    api.call_as(text, "GET", "webhooks/", None).expect(200);
    let changed = as_operator("PATCH", &path, json!({"permissions": ["publish"]}))
        .expect(200)
        .json();
    assert_eq!(changed["permissions"], json!(["publish"]));
    api.call_as(text, "GET", "webhooks/", None).expect(403);
    let registrar = api.token_for("organizer");
    let more = json!({"permissions": ["publish", "organizer"]});
    api.call_as(&registrar, "PATCH", &path, Some(more))
        .expect(403);
    let none = json!({"permissions": []});
    api.call_as(&registrar, "PATCH", &path, Some(none))
        .expect(200);
}

#[test]
fn a_taken_name_is_a_conflict_and_a_uuid_can_be_set() {
    let api = Api::start();
    let as_operator = |path: &str, body| api.call_as(&api.operator, "POST", path, Some(body));
    as_operator(
        "action_types/",
        json!({"action_type": "pretix.event.checkin"}),
    )
    .expect(409);
    let uuid = "0f05ee39-7592-4058-9684-a42b0c06afab";
    let made = as_operator(
        "/api/v1/organizers/",
        json!({"slug": "other", "uuid": uuid}),
    )
    .expect(201);
    assert_eq!(made.json()["uuid"], uuid);
    as_operator("/api/v1/organizers/", json!({"slug": "third", "uuid": "x"})).expect(400);
    let twice = as_operator(
        "/api/v1/organizers/",
        json!({"slug": "third", "uuid": uuid}),
    );
    let said = r#"{"uuid":["An organizer with this uuid already exists."]}"#;
    assert_eq!(twice.expect(400).text, said);

    let change = |path: &str, uuid: &str| {
        let body = json!({ "uuid": uuid });
        api.call_as(&api.operator, "PATCH", path, Some(body))
    };
    as_operator("/api/v1/organizers/", json!({"slug": "third"})).expect(201);
    let third = "/api/v1/organizers/third/";
    assert_eq!(change(third, uuid).expect(400).text, said);
    let own = "5fab0ca1-4c63-4c58-adfe-8ef02c203414";
    change(third, own).expect(200);
    let shown = api.call_as(&api.operator, "GET", third, None).expect(200);
    assert_eq!(shown.json()["uuid"], own);
}
