//! What an organizer registers at most.

use serde_json::{Value, json};
use sonnette::domain::{PayloadShape, RegisteredActionType};
use sonnette::store::{Actor, NewAuditEntry, RegistryStore as _};

use super::client::{Api, ApiResponse};

fn register(api: &Api, body: Value) -> ApiResponse {
    api.call_as(&api.operator, "POST", "action_types/", Some(body))
}

#[track_caller]
fn assert_refused(answer: ApiResponse, field: &str, reason: &str) {
    let answer = answer.expect(400);
    let message = answer.json()[field][0].as_str().unwrap().to_owned();
    assert!(message.contains(reason), "{message}");
}

#[test]
fn an_organizer_registers_a_thousand_action_types() {
    let api = Api::start();
    let store = api.store();
    let organizer = store.load(0).unwrap().organizers[0].id;
    for number in 0..999 {
        let row = RegisteredActionType {
            id: 0,
            organizer: Some(organizer),
            name: format!("x.y{number}").parse().unwrap(),
            description: String::new(),
            schema: None,
            example: None,
            shape: PayloadShape::Custom,
            from_file: false,
        };
        let entry = NewAuditEntry {
            actor: Actor::CommandLine,
            action: "sonnette.action_type.created",
            data: json!({}),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
        };
        store.add_action_type(&row, entry).unwrap();
    }
    register(&api, json!({"action_type": "x.last"})).expect(201);
    let refused = register(&api, json!({"action_type": "x.more"}));
    assert_refused(refused, "action_type", "up to 1000 action types");
    api.call_as(&api.operator, "DELETE", "action_types/x.last/", None)
        .expect(204);
    register(&api, json!({"action_type": "x.more"})).expect(201);
}

#[test]
fn the_schemas_of_an_organizer_have_four_mebibytes() {
    let api = Api::start();
    let schema = json!({"title": "x".repeat(131_072 - r#"{"title":""}"#.len())});
    for number in 0..32 {
        let body = json!({"action_type": format!("x.y{number}"), "schema": schema});
        register(&api, body).expect(201);
    }
    for field in ["schema", "example"] {
        let refused = register(&api, json!({"action_type": "x.more", field: {}}));
        assert_refused(refused, "schema", "up to 4194304 bytes together");
    }
    register(&api, json!({"action_type": "x.more"})).expect(201);
}
