//! Forgetting a person.

use serde_json::json;
use sonnette::testing::ScriptedResponse;

use super::client::{Api, order, receiver};

#[test]
fn the_data_of_a_person_is_erased() {
    let api = Api::start();
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::ok().body("hello HUSH"));
    let webhook = api.webhook(&receiver.url());
    let mut personal = order("HUSH1");
    personal["subject"] = json!("person/42 é");
    let id = api.post("notifications/", personal).expect(201).json()["notification_id"].clone();
    let log = api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    let attempt = log["results"][0]["id"].clone();

    let path = "subjects/person%2F42%20%C3%A9/";
    api.call("DELETE", path, None).expect(403);
    let own = api.token_for("organizer");
    let receipt = api.call_as(&own, "DELETE", path, None).expect(200);
    assert_eq!(
        receipt.text,
        r#"{"notifications":1,"attempts":1,"dropped":0}"#
    );
    let again = api.call_as(&own, "DELETE", path, None).expect(200);
    assert_eq!(
        again.text,
        r#"{"notifications":0,"attempts":0,"dropped":0}"#
    );
    api.call_as(&own, "GET", path, None).expect(405);

    let shown = api.get(&format!("notifications/{id}/")).expect(200).json();
    assert_eq!(
        (&shown["data"], &shown["subject"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(shown["deliveries"][0]["state"], "delivered");
    let detail = api
        .get(&format!("{webhook}attempts/{attempt}/"))
        .expect(200)
        .json();
    assert_eq!(
        (&detail["payload"], &detail["response_body"]),
        (&json!(""), &json!(""))
    );
    api.call("POST", &format!("notifications/{id}/replay/"), None)
        .expect(409);
    api.call("POST", &format!("{webhook}deliveries/{id}/retry/"), None)
        .expect(409);
    let audit = api.get("audit/").expect(200).text;
    assert!(
        audit.contains("sonnette.subject.erased") && !audit.contains("person"),
        "{audit}"
    );
}
