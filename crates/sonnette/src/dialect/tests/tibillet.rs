//! TiBillet's payloads, against the worked examples in `tibillet_examples.txt`, which have our departures.

use super::*;
use crate::domain::Audience;

const MEMBERSHIP: &str = "tibillet.membership";
const RESERVATION: &str = "tibillet.reservation";

/// Published on the day of the examples.
fn composed_in(
    language: Language,
    action: &str,
    data: &Value,
) -> Result<ComposedNotification, FieldErrors> {
    let data = serde_json::value::to_raw_value(data).unwrap();
    composed_raw(language, action, &data)
}

fn composed_raw(
    language: Language,
    action: &str,
    data: &RawValue,
) -> Result<ComposedNotification, FieldErrors> {
    let organizer = Organizer {
        name: "Le Hangar Bleu".into(),
        uuid: "0b9d9d0c-3d2f-4c56-8d0f-2f6f2f0a4a11".parse().unwrap(),
        language,
        dialects: vec![DialectName::Tibillet],
        ..organizer()
    };
    let catalogue = Catalogue::new(&organizer.dialects, &[]);
    let action_type: ActionTypeName = action.parse().unwrap();
    compose(&ComposeInput {
        organizer: &organizer,
        catalogue_entry: catalogue.resolve(action).expect("known"),
        action_type: &action_type,
        event: None,
        data,
        published_at: "2026-03-12T18:00:00Z".parse().unwrap(),
        budget: &CheckBudget::full(std::sync::Arc::default()),
    })
}

fn composed(action: &str, data: &Value) -> Result<ComposedNotification, FieldErrors> {
    composed_in(Language::English, action, data)
}

fn text(composed: &ComposedNotification) -> String {
    let body = composed.body.clone().render(NotificationId(1));
    String::from_utf8(body.to_vec()).unwrap()
}

fn sent(data: &Value) -> Value {
    serde_json::from_str(&text(&composed(MEMBERSHIP, data).unwrap())).unwrap()
}

fn wrong(action: &str, data: &Value) -> Vec<(String, String)> {
    composed(action, data).unwrap_err().0
}

fn least() -> Value {
    json!({
        "id": 1, "uuid": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10", "status": "D",
        "date_added": "2026-03-10T09:15:29Z",
    })
}

/// [`least`] with some members more, or others.
fn with(members: Value) -> Value {
    let (mut data, Value::Object(members)) = (least(), members) else {
        panic!("no object")
    };
    for (key, value) in members {
        data[key] = value;
    }
    data
}

fn cash() -> Value {
    let catalogue = Catalogue::new(&[DialectName::Tibillet], &[]);
    let mut data = catalogue.get(MEMBERSHIP).unwrap().example.clone();
    data["user"]["email"] = "Camille.Dubreuil@Example.ORG".into();
    data["deadline"] = "2027-03-10T10:15:29.098112+01:00".into();
    data
}

fn till() -> Value {
    let mut data = cash();
    for key in [
        "user",
        "payment_method",
        "first_name",
        "last_name",
        "postal_code",
        "birth_date",
        "phone",
        "comment",
    ] {
        data[key] = Value::Null;
    }
    for key in ["custom_form", "options", "newsletter"] {
        data.as_object_mut().unwrap().remove(key);
    }
    data["id"] = "5230".into();
    data["uuid"] = "0A77C9B4-52BE-4A7C-9D0E-91F1A4B66D21".into();
    data["status"] = "L".into();
    data["card_number"] = "A1B2C3D4".into();
    data["contribution_value"] = json!(12.5);
    data
}

fn linked() -> Value {
    let mut data = till();
    data["user"] =
        json!({"id": "c2a0b5de-8c1b-4ad5-a2f6-0f5d1b7e9a33", "email": "n.petit@example.net"});
    data["first_name"] = "Noé".into();
    data["last_name"] = "Petit".into();
    data["last_action"] = "2026-03-12 17:40:02.000001Z".into();
    data
}

#[test]
fn bodies_are_the_worked_examples() {
    let examples: Vec<_> = include_str!("tibillet_examples.txt").lines().collect();
    let reservation = json!({
        "uuid": "b7d1f0a2-3c4e-4d5f-8a6b-7c8d9e0f1a2b", "status": "P", "previous_status": "U",
        "datetime": "2026-05-02T18:41:07.512345Z",
    });
    assert_eq!(
        text(&composed(RESERVATION, &reservation).unwrap()),
        examples[0]
    );
    for (data, expected) in [cash(), till(), linked()].iter().zip(&examples[1..]) {
        let composed = composed(MEMBERSHIP, data).unwrap();
        assert_eq!(text(&composed), **expected);
        assert_eq!(composed.audience, Audience::Everyone);
        assert_eq!(composed.data.as_deref(), Some(data.to_string().as_str()));
    }
}

#[test]
fn there_are_two_types_with_examples() {
    let catalogue = Catalogue::new(&[DialectName::Tibillet], &[]);
    let lines: Vec<_> = catalogue
        .iter()
        .map(|catalogue_entry| {
            let composed =
                composed(catalogue_entry.name.as_str(), &catalogue_entry.example).unwrap();
            assert_eq!(composed.audience, Audience::Everyone, "an example rings");
            format!(
                "\"{}\" ({})\n  {}",
                catalogue_entry.name,
                catalogue_entry.description,
                text(&composed)
            )
        })
        .collect();
    insta::with_settings!({snapshot_path => "../../../tests/it/dialects/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("tibillet_bodies", lines.join("\n"));
    });
}

#[test]
fn labels_follow_the_organizers_language() {
    let french = text(&composed_in(Language::French, MEMBERSHIP, &cash()).unwrap());
    assert!(
        french.contains(r#""payment_method_name":"Espèces""#),
        "{french}"
    );
    assert!(
        french.contains(r#""state_display":"Créé via l'administration""#),
        "{french}"
    );
    let card = text(&composed_in(Language::French, MEMBERSHIP, &till()).unwrap());
    assert!(card.contains(r#""email":"Anonymous A1B2C3D4""#), "{card}");

    let given = sent(&with(
        json!({"state_display": "Don", "payment_method": "CA", "payment_method_name": "Bar"}),
    ));
    assert_eq!(
        (&given["state_display"], &given["payment_method_name"]),
        (&json!("Don"), &json!("Bar"))
    );
    let unknown = sent(&with(json!({"status": "ZZ", "payment_method": "XX"})));
    assert_eq!(
        (&unknown["state_display"], &unknown["payment_method_name"]),
        (&json!("ZZ"), &json!("XX"))
    );
    for (code, label) in [("A", "Paid online"), ("O", "Paid online (recurring)")] {
        assert_eq!(sent(&with(json!({"status": code})))["state_display"], label);
    }
}

#[test]
fn a_minimal_membership_has_every_key() {
    let composed = composed(MEMBERSHIP, &least()).unwrap();
    insta::assert_snapshot!(text(&composed), @r#"{"object":"membership","pk":"1","uuid":"6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10","state":"D","datetime":"2026-03-10T09:15:29+00:00","deadline":null,"email":"Anonymous","comment":null,"first_name":null,"last_name":null,"pseudo":null,"price_name":null,"price_uuid":null,"product_name":null,"product_uuid":null,"organisation":"Le Hangar Bleu","organisation_id":"0b9d9d0c-3d2f-4c56-8d0f-2f6f2f0a4a11","user":null,"card_number":null,"date_added":"2026-03-10T09:15:29Z","last_action":null,"last_contribution":null,"contribution_value":null,"payment_method":null,"payment_method_name":null,"newsletter":false,"postal_code":null,"birth_date":null,"phone":null,"is_valid":false,"asset_fedow":null,"stripe_id_subscription":null,"last_stripe_invoice":null,"member_name":null,"product_img":null,"option_generale":[],"option_names":[],"state_display":"Created via administration","custom_form":null}"#);
    assert_eq!(
        composed.audience,
        Audience::Nobody,
        "without a deadline nobody is told"
    );
    let body: Value = serde_json::from_str(&text(&composed)).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 39);
}

#[test]
fn escaped_input_is_sent_as_utf8() {
    let data = r#"{"id":1,"uuid":"6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10","status":"L",
        "date_added":"2026-03-10T09:15:29Z","custom_form":{"\u00e9t\u00e9":"caf\u00e9"}}"#;
    let given: &RawValue = serde_json::from_str(data).unwrap();
    let composed = composed_raw(Language::French, MEMBERSHIP, given).unwrap();
    let body = text(&composed);
    assert!(
        body.ends_with(r#""state_display":"Créé via la caisse","custom_form":{"été":"café"}}"#),
        "{body}"
    );
}

#[test]
fn derived_members_follow_their_rules() {
    let one = |members: Value, key: &str| sent(&with(members))[key].clone();
    // Names.
    let names = |pseudo: Value, first: Value, last: Value| {
        one(
            json!({"pseudo": pseudo, "first_name": first, "last_name": last}),
            "member_name",
        )
    };
    assert_eq!(names("Kiki".into(), "A".into(), "B".into()), "Kiki");
    assert_eq!(names("".into(), "A".into(), "B".into()), "B A");
    assert_eq!(names(Value::Null, "A".into(), Value::Null), "A");
    assert_eq!(names("".into(), "".into(), "".into()), Value::Null);
    assert_eq!(one(json!({"first_name": ""}), "first_name"), "");
    // Pictures.
    let picture = |img: &str| one(json!({"price": {"product": {"img": img}}}), "product_img");
    assert_eq!(
        picture("images/été 1%.png"),
        "/media/images/%C3%A9t%C3%A9%201%25.png"
    );
    assert_eq!(picture("a(1)'s~!*_-.png"), "/media/a(1)'s~!*_-.png");
    assert_eq!(
        picture("https://cdn.example/a b.png"),
        "https://cdn.example/a b.png"
    );
    assert_eq!(picture(""), Value::Null);
    // Numbers.
    assert_eq!(
        one(json!({"postal_code": "01000"}), "postal_code").to_string(),
        "1000"
    );
    assert_eq!(
        one(json!({"postal_code": 35000}), "postal_code").to_string(),
        "35000"
    );
    for (value, shown) in [
        (json!("25.00"), "25.0"),
        (json!(25), "25.0"),
        (json!("12.50"), "12.5"),
        (json!(0), "0.0"),
    ] {
        assert_eq!(
            one(json!({"contribution_value": value}), "contribution_value").to_string(),
            shown
        );
    }
    // Of the state.
    assert_eq!(one(json!({"status": null}), "state"), Value::Null);
    assert_eq!(one(json!({"status": ""}), "state_display"), Value::Null);
    assert_eq!(
        one(json!({"payment_method": ""}), "payment_method_name"),
        Value::Null
    );
    // What is passed through stays as it is.
    assert_eq!(
        one(
            json!({"custom_form": [1.0, {"z": 1, "a": null}]}),
            "custom_form"
        )
        .to_string(),
        r#"[1.0,{"z":1,"a":null}]"#
    );
}

#[test]
fn options_are_sorted_by_weight() {
    let option = |name: &str, weight: Value| json!({"uuid": "e1000000-0000-4000-8000-000000000001", "name": name, "poids": weight});
    let options = json!([
        option("c", json!(2)),
        option("a", json!(0)),
        option("d", json!(2)),
        option("b", json!(null))
    ]);
    let body = sent(&with(json!({ "options": options })));
    assert_eq!(body["option_names"], json!(["a", "b", "c", "d"]));
    assert_eq!(
        body["option_generale"][1].to_string(),
        r#"{"uuid":"e1000000-0000-4000-8000-000000000001","name":"b","description":null,"poids":0}"#
    );
}

#[test]
fn is_valid_is_computed_at_send_time() {
    let frozen = |data: &Value| {
        composed(MEMBERSHIP, data)
            .unwrap()
            .body
            .render(NotificationId(1))
    };
    let valid = |body: &Bytes, now: &str| {
        let sent = body_at_send_time(PayloadShape::TibilletMembership, body, now.parse().unwrap());
        let other = |text: &str| text.replace(r#""is_valid":true"#, r#""is_valid":false"#);
        let text = String::from_utf8(sent.to_vec()).unwrap();
        assert_eq!(
            other(&text),
            other(std::str::from_utf8(body).unwrap()),
            "nothing else changes"
        );
        text.contains(r#""is_valid":true"#)
    };
    let paid = frozen(&cash());
    assert!(valid(&paid, "2027-03-10T09:15:29.098111Z"));
    assert!(
        valid(&paid, "2027-03-10T09:15:29.098112Z"),
        "the deadline is inclusive"
    );
    assert!(!valid(&paid, "2027-03-10T09:15:29.098113Z"));
    for status in ["C", "AC"] {
        let mut data = cash();
        data["status"] = status.into();
        // A form may have members of the same names.
        data["custom_form"] = json!({"is_valid": "\"is_valid\":true", "deadline": 5});
        assert!(!valid(&frozen(&data), "2026-04-01T00:00:00Z"), "{status}");
    }
    let other = Bytes::from_static(b"{\"is_valid\":true}");
    assert_eq!(
        body_at_send_time(PayloadShape::Custom, &other, Timestamp::MAX),
        other
    );
    let erased = Bytes::from_static(b"null");
    assert_eq!(
        body_at_send_time(PayloadShape::TibilletMembership, &erased, Timestamp::MAX),
        erased
    );
}

#[test]
fn reservations_are_delivered_for_these_status_changes_only() {
    let rings = |before: Value, after: &str| {
        let data = json!({
            "uuid": "b7d1f0a2-3c4e-4d5f-8a6b-7c8d9e0f1a2b", "status": after, "previous_status": before,
            "created_at": "2026-05-02T18:41:07+00:00", "event": "ignored",
        });
        let composed = composed(RESERVATION, &data).unwrap();
        assert!(text(&composed).ends_with(r#""datetime":"2026-05-02 18:41:07+00:00"}"#));
        composed.audience == Audience::Everyone
    };
    let states = ["R", "U", "F", "FA", "P", "PE", "PN", "V", "C"];
    let mut told = Vec::new();
    for after in states {
        for before in states {
            if rings(before.into(), after) {
                told.push(format!("{before}→{after}"));
            }
        }
        if rings(Value::Null, after) {
            told.push(format!("→{after}"));
        }
    }
    assert_eq!(
        told.join(" "),
        "R→FA U→FA F→FA FA→FA →FA R→P U→P F→P P→P →P R→V U→V F→V →V"
    );
    assert!(!rings(Value::Null, "new in TiBillet"));
}

#[test]
fn wrong_input_is_refused_path_by_path() {
    let mut lines: Vec<String> = Vec::new();
    let mut refuse = |action: &str, data: Value| {
        lines.push(data.to_string());
        for (path, message) in wrong(action, &data) {
            lines.push(format!("  {path}: {message}"));
        }
    };
    refuse(MEMBERSHIP, json!({}));
    refuse(MEMBERSHIP, json!([]));
    refuse(
        MEMBERSHIP,
        with(json!({"id": true, "uuid": 5, "date_added": null, "newsletter": "yes"})),
    );
    refuse(
        MEMBERSHIP,
        with(
            json!({"price": {"uuid": "x", "product": {"uuid": 5, "img": []}}, "user": {"id": "me"}}),
        ),
    );
    refuse(
        MEMBERSHIP,
        with(json!({"price": {"uuid": "x", "product": {"uuid": "y"}}, "user": {"id": "me"}})),
    );
    refuse(
        MEMBERSHIP,
        with(json!({"price": "cheap", "user": 5, "options": {}})),
    );
    refuse(
        MEMBERSHIP,
        with(json!({"options": [{"uuid": "x", "name": "a"}, {"poids": -1}]})),
    );
    refuse(
        MEMBERSHIP,
        with(json!({"options": [{"uuid": "x", "name": "a"}]})),
    );
    refuse(
        MEMBERSHIP,
        with(
            json!({"deadline": "soon", "last_action": "2026-03-10T09:15:29", "birth_date": "1.1.1990"}),
        ),
    );
    refuse(
        MEMBERSHIP,
        with(json!({"postal_code": "F-35", "contribution_value": "25,00", "id": "x"})),
    );
    refuse(
        RESERVATION,
        json!({"uuid": "b7d1f0a2-3c4e-4d5f-8a6b-7c8d9e0f1a2b", "status": "P"}),
    );
    refuse(
        RESERVATION,
        json!({"uuid": "b7d1f0a2", "status": "", "created_at": 5}),
    );
    refuse(
        RESERVATION,
        json!({"uuid": "b7d1f0a2", "status": "P", "created_at": "5"}),
    );
    insta::with_settings!({snapshot_path => "../../../tests/it/dialects/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("tibillet_errors", lines.join("\n"));
    });
}
