mod catalogue;
mod creads;
mod tibillet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{
    ActionTypeName, DialectName, EventSlug, Language, NotificationId, OrganizerId,
    RegisteredActionType,
};

fn organizer() -> Organizer {
    Organizer {
        id: OrganizerId(1),
        slug: "bigevents".parse().unwrap(),
        name: "Big Events".into(),
        uuid: uuid::Uuid::nil(),
        language: Language::English,
        dialects: vec![DialectName::Pretix, DialectName::Custom],
        contact_emails: Vec::new(),
        failure_policy: None,
    }
}

fn registered(name: &str, shape: PayloadShape, schema: Option<Value>) -> RegisteredActionType {
    RegisteredActionType {
        id: 1,
        organizer: Some(OrganizerId(1)),
        name: name.parse().unwrap(),
        description: String::new(),
        schema,
        example: None,
        shape,
        from_file: false,
    }
}

fn catalogue(actions: &[RegisteredActionType]) -> Catalogue {
    Catalogue::new(&[DialectName::Pretix, DialectName::Custom], actions)
}

/// The body of notification 574, published at a fixed time.
fn body(
    catalogue: &Catalogue,
    action: &str,
    event: Option<&str>,
    data: &str,
) -> Result<String, FieldErrors> {
    let organizer = organizer();
    let action_type: ActionTypeName = action.parse().unwrap();
    let event: Option<EventSlug> = event.map(|slug| slug.parse().unwrap());
    let raw: Box<RawValue> = serde_json::from_str(data).unwrap();
    compose(&ComposeInput {
        organizer: &organizer,
        catalogue_entry: catalogue.resolve(action).expect("known"),
        action_type: &action_type,
        event: event.as_ref(),
        data: &raw,
        published_at: "2026-05-01T10:00:00.25Z".parse().unwrap(),
        budget: &CheckBudget::full(std::sync::Arc::default()),
    })
    .map(|composed| String::from_utf8(composed.body.render(NotificationId(574)).to_vec()).unwrap())
}

fn errors(data: &str, action: &str) -> Vec<(String, String)> {
    body(&catalogue(&[]), action, Some("democon"), data)
        .unwrap_err()
        .0
}

#[test]
fn there_are_47_pretix_names_in_the_order_of_the_form() {
    let catalogue = catalogue(&[]);
    let lines: Vec<_> = catalogue
        .iter()
        .map(|catalogue_entry| {
            let concrete = catalogue_entry.first_concrete();
            let event = match catalogue_entry.event_requirement(concrete.as_str()) {
                EventRequirement::Required => Some("democon"),
                _ => None,
            };
            let text = body(
                &catalogue,
                concrete.as_str(),
                event,
                &catalogue_entry.example.to_string(),
            )
            .unwrap();
            assert!(!catalogue_entry.description.is_empty() && catalogue_entry.label.is_some());
            assert!(catalogue.is_selectable(catalogue_entry.name.as_str()));
            format!(
                "{} ({})\n  {text}",
                catalogue_entry.name,
                catalogue_entry.label.unwrap()
            )
        })
        .collect();
    assert_eq!(lines.len(), 47);
    insta::with_settings!({snapshot_path => "../../../tests/it/dialects/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("pretix_bodies", lines.join("\n"));
    });
}

#[test]
fn bodies_are_those_pretix_sends() {
    let catalogue = catalogue(&[]);
    for (action, event, data, expected) in [
        (
            "pretix.event.order.changed.price",
            Some("democon"),
            json!({"code": "TCRDM"}),
            r#"{"notification_id":574,"organizer":"bigevents","event":"democon","code":"TCRDM","action":"pretix.event.order.changed.price"}"#,
        ),
        (
            "pretix.event.checkin",
            Some("democon"),
            json!({"checkin_list": 2, "code": "9LAYR", "orderposition_id": 7, "orderposition_positionid": 1, "type": "entry"}),
            r#"{"notification_id":574,"organizer":"bigevents","event":"democon","code":"9LAYR","action":"pretix.event.checkin","orderposition_id":7,"orderposition_positionid":1,"checkin_list":2,"type":"entry","first_checkin":null}"#,
        ),
        (
            "pretix.event.deleted",
            None,
            json!({}),
            r#"{"notification_id":574,"organizer":"bigevents","event":null,"action":"pretix.event.deleted"}"#,
        ),
        (
            "pretix.event.item.variation.added",
            Some("democon"),
            json!({"item": i64::MAX}),
            r#"{"notification_id":574,"organizer":"bigevents","event":"democon","item":9223372036854775807,"action":"pretix.event.item.variation.added"}"#,
        ),
        (
            "pretix.customer.created",
            None,
            json!({"customer": "FLPSJYV"}),
            r#"{"notification_id":574,"organizer":"bigevents","customer":"FLPSJYV","action":"pretix.customer.created"}"#,
        ),
        (
            "pretix.giftcards.created",
            None,
            json!({"giftcard": 1}),
            r#"{"notification_id":574,"issuer_id":1,"issuer_slug":"bigevents","giftcard":1,"action":"pretix.giftcards.created"}"#,
        ),
        (
            "pretix.giftcards.transaction.manual",
            None,
            json!({"giftcard": 1.0, "acceptor_id": 2, "acceptor_slug": "other", "issuer_id": 9, "issuer_slug": "third"}),
            r#"{"notification_id":574,"issuer_id":9,"issuer_slug":"third","acceptor_id":2,"acceptor_slug":"other","giftcard":1,"action":"pretix.giftcards.transaction.manual"}"#,
        ),
    ] {
        assert_eq!(
            body(&catalogue, action, event, &data.to_string()).unwrap(),
            expected
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn input_errors_read_like_those_of_the_settings() {
    let order = "pretix.event.order.placed";
    let checkin = "pretix.event.checkin";
    let whole = |key: &str, value: &str| {
        let mut data = json!({"code": "A", "orderposition_id": 1, "orderposition_positionid": 1, "checkin_list": 1});
        data[key] = serde_json::from_str(value).unwrap();
        data.to_string()
    };
    for (action, data, path, message) in [
        (
            order,
            "{}".to_owned(),
            "data.code",
            "This field is required.",
        ),
        (
            order,
            r#"{"code":null}"#.into(),
            "data.code",
            "This field may not be null.",
        ),
        (
            order,
            r#"{"code":5}"#.into(),
            "data.code",
            "Not a valid string.",
        ),
        (
            order,
            r#"{"code":"A B"}"#.into(),
            "data.code",
            "This value does not match the required pattern ^[A-Za-z0-9]{1,16}$.",
        ),
        (
            order,
            r#"{"code":"AB\n"}"#.into(),
            "data.code",
            "This value does not match the required pattern ^[A-Za-z0-9]{1,16}$.",
        ),
        (
            order,
            r#"{"code":"A","total":"5.00"}"#.into(),
            "data.total",
            "This is not a key of this action type.",
        ),
        (
            order,
            "[]".into(),
            "data",
            "Expected a dictionary of items but got type \"list\".",
        ),
        (order, "null".into(), "data", "This field may not be null."),
        (
            order,
            "1.5".into(),
            "data",
            "Expected a dictionary of items but got type \"float\".",
        ),
        (
            checkin,
            whole("checkin_list", "\"1\""),
            "data.checkin_list",
            "A valid integer is required.",
        ),
        (
            checkin,
            whole("checkin_list", "1.5"),
            "data.checkin_list",
            "A valid integer is required.",
        ),
        (
            checkin,
            whole("checkin_list", "true"),
            "data.checkin_list",
            "A valid integer is required.",
        ),
        (
            checkin,
            whole("checkin_list", "9223372036854775808"),
            "data.checkin_list",
            "Ensure this value is less than or equal to 9223372036854775807.",
        ),
        (
            checkin,
            whole("first_checkin", "1"),
            "data.first_checkin",
            "Must be a valid boolean.",
        ),
        (
            checkin,
            whole("type", "\"both\""),
            "data.type",
            "This is not one of the choices \"entry\", \"exit\", null.",
        ),
        (
            checkin,
            whole("type", "1"),
            "data.type",
            "Not a valid string.",
        ),
    ] {
        assert_eq!(
            errors(&data, action),
            [(path.to_owned(), message.to_owned())],
            "{data}"
        );
    }
    assert_eq!(errors("{}", checkin).len(), 4);
    let many: serde_json::Map<_, _> = (0..200).map(|n| (format!("k{n}"), json!(1))).collect();
    assert_eq!(errors(&Value::from(many).to_string(), order).len(), 50);
}

#[test]
fn data_with_repeated_keys_or_huge_numbers_is_refused() {
    let catalogue = catalogue(&[
        registered("order.placed", PayloadShape::Custom, None),
        registered(
            "order.checked",
            PayloadShape::Custom,
            Some(json!({"type": "object"})),
        ),
    ]);
    let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    for action in ["order.placed", "order.checked", "pretix.event.order.placed"] {
        for (data, message) in [
            (deep(120), "Lists and objects may be nested 120 deep."),
            (
                r#"{"a":"\ud83c"}"#.to_owned(),
                "Surrogate characters are not allowed: U+D83C.",
            ),
            (
                r#"{"a":"\uDC00"}"#.to_owned(),
                "Surrogate characters are not allowed: U+DC00.",
            ),
            (
                r#"{"a":"\ud83c\u0041"}"#.to_owned(),
                "Surrogate characters are not allowed: U+D83C.",
            ),
        ] {
            let errors = body(&catalogue, action, Some("democon"), &data).unwrap_err();
            assert_eq!(
                errors.0,
                [("data".to_owned(), message.to_owned())],
                "{data}"
            );
        }
    }
    assert!(body(&catalogue, "order.checked", None, &deep(119)).is_ok());
    let errors = body(&catalogue, "order.checked", None, r#"{"a":1e999}"#).unwrap_err();
    assert_eq!(errors.to_string(), "data.a: This number is out of range.");
}

#[test]
fn custom_data_is_copied() {
    let catalogue = catalogue(&[registered("order.placed", PayloadShape::Custom, None)]);
    let head = r#"{"type":"order.placed","timestamp":"2026-05-01T10:00:00.250000Z","data":"#;
    for (data, sent) in [
        ("{}", "{}"),
        (
            "{ \"b\" : 1.50,\n\t\"a\" :\r[ 1e2 , \" x \\\" y \" ] }",
            "{\"b\":1.50,\"a\":[1e2,\" x \\\" y \"]}",
        ),
        (
            r#"{"a":12345678901234567890123,"\u00e4" :"\\","c": "\ud83c\udf89","d\/":"\u0000\u0022\t"}"#,
            r#"{"a":12345678901234567890123,"ä":"\\","c":"🎉","d/":"\u0000\"\t"}"#,
        ),
        ("{\"ä\": \"😀 \"}", "{\"ä\":\"😀 \"}"),
    ] {
        let sent_body = body(&catalogue, "order.placed", None, data).unwrap();
        assert_eq!(sent_body, format!("{head}{sent}}}"));
        assert_eq!(
            extract_data(PayloadShape::Custom, sent_body.as_bytes())
                .unwrap()
                .get(),
            sent
        );
    }
    let errors = body(&catalogue, "order.placed", None, "[1]").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "data: Expected a dictionary of items but got type \"list\"."
    );
}

#[test]
fn a_registered_schema_holds() {
    let schema = json!({
        "properties": {
            "price": {"type": "object", "properties": {"uuid": {"type": "string"}}, "required": ["uuid"]},
            "lines": {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"]}},
            "kind": {"oneOf": [{"const": 1}, {"minimum": 1}]},
        },
    });
    let plugin = json!({"properties": {"code": {"maxLength": 3}}});
    let catalogue = catalogue(&[
        registered("order.placed", PayloadShape::Custom, Some(schema)),
        registered("pretix.plugin.x", PayloadShape::Order, Some(plugin)),
        registered(
            "order.broken",
            PayloadShape::Custom,
            Some(json!({"type": "nothing"})),
        ),
    ]);
    let errors = |action: &str, data: &str| {
        body(&catalogue, action, Some("e"), data)
            .unwrap_err()
            .to_string()
    };
    for (data, said) in [
        (
            r#"{"price":{}}"#,
            "data.price.uuid: This field is required.",
        ),
        (
            r#"{"price":{"uuid":1}}"#,
            "data.price.uuid: Not a valid string.",
        ),
        (r#"{"lines":[]}"#, "data.lines: This list may not be empty."),
        (
            r#"{"lines":[1,null,true]}"#,
            "data.lines.1: This field may not be null. \
             data.lines.2: This field must be one of these types: integer, string.",
        ),
        (
            r#"{"kind":1}"#,
            "data.kind: This fits more than one of forms that exclude each other; see the schema of the action type.",
        ),
    ] {
        assert_eq!(errors("order.placed", data), said);
    }
    assert_eq!(
        errors("pretix.plugin.x", r#"{"code":"ABCD","x":1}"#),
        "data.x: This is not a key of this action type. data.code: Ensure this field has no more than 3 characters."
    );
    assert!(errors("order.broken", "{}").contains("cannot be used"));
    let text = body(&catalogue, "order.placed", None, r#"{ "lines" : [1.0] }"#).unwrap();
    assert!(text.ends_with(r#""data":{"lines":[1.0]}}"#));
}

#[test]
fn errors_are_grouped_by_path() {
    let errors = FieldErrors(vec![
        ("b".into(), "1".into()),
        ("a".into(), "2".into()),
        ("b".into(), "3".into()),
    ]);
    assert_eq!(errors.grouped(), [("b", vec!["1", "3"]), ("a", vec!["2"])]);
}

proptest! {
    #[test]
    fn data_is_extracted_from_a_composed_body(code in "[A-Za-z0-9]{1,16}", position: i64, list: i64, first: Option<bool>, exit: bool) {
        let data = json!({
            "code": code, "orderposition_id": position, "orderposition_positionid": 1, "checkin_list": list,
            "type": exit.then_some("exit"), "first_checkin": first,
        });
        let text = body(&catalogue(&[]), "pretix.event.checkin", Some("democon"), &data.to_string()).unwrap();
        let back = extract_data(PayloadShape::Checkin, text.as_bytes()).unwrap();
        prop_assert_eq!(back.get(), data.to_string());
    }

    #[test]
    fn compacting_agrees_with_a_real_parser(text in "[ \\n]{0,2}(\\{[ ]?(\"[a b\\\\\\\\\"]{0,3}\"[ \\t]?:[ ]?[0-9][ ]?)?\\}|\\[[ ]?\"(\\\\\\\\|\\\\\"| |x){0,4}\"[ ]?,[ ]?1\\])[ ]?") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let compact = compact_json::compact(&text).unwrap();
            prop_assert_eq!(compact.as_ref(), value.to_string());
        }
    }
}
