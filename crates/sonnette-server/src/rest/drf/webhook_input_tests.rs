use jiff::Timestamp;
use serde_json::{Value, json};
use sonnette::domain::{
    DisableReason, Disablement, EventFilter, OrganizerId, Secret, Secrets, Webhook, WebhookId,
    WebhookSettings, WebhookState,
};

use super::*;
use crate::rest::drf::parser;
use crate::rest::drf::webhook_json::WebhookJson;

fn stored() -> Webhook {
    Webhook {
        id: WebhookId(7),
        organizer: OrganizerId(1),
        state: WebhookState::Disabled(Disablement {
            since: Timestamp::UNIX_EPOCH,
            reason: DisableReason::User,
        }),
        target: "https://example.com/old".parse().unwrap(),
        generation: 0,
        events: only(&["democon"]),
        action_types: names(&["a.b", "a.b", "a.c"]),
        comment: Some("old".into()),
        secrets: Secrets {
            current: Secret::from_random([7; 32]),
            previous: None,
        },
        settings: WebhookSettings::default(),
    }
}

fn names(names: &[&str]) -> Vec<ActionTypeName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn only(slugs: &[&str]) -> EventFilter {
    EventFilter::Only(slugs.iter().map(|slug| slug.parse().unwrap()).collect())
}

fn parse(change: WriteMode<'_>, body: &str) -> Result<WebhookFields, Value> {
    let payload = ParsedBody {
        json: parser::parse_body(body.as_bytes()).unwrap(),
        is_form: false,
    };
    checked(change, payload)
}

fn checked(change: WriteMode<'_>, payload: ParsedBody) -> Result<WebhookFields, Value> {
    let known = |slug: &str| matches!(slug, "democon" | "sampleconf" | "1" | "True");
    let selectable = |name: &str| matches!(name, "a.b" | "a.c" | "a.*" | "z.z");
    parse_webhook(change, payload, known, selectable).map_err(|error| {
        assert_eq!(error.status, http::StatusCode::BAD_REQUEST);
        error.body
    })
}

/// The messages of one field of a PATCH; none if it is fine.
fn messages(field: &str, value: &str) -> Vec<String> {
    match parse(
        WriteMode::Update(&stored()),
        &format!("{{\"{field}\":{value}}}"),
    ) {
        Ok(_) => Vec::new(),
        Err(body) => {
            serde_json::from_value(body[field].clone()).expect("errors of this field only")
        }
    }
}

const MINIMAL: &str = r#"{"target_url":"http://a.example","limit_events":[],"action_types":[]}"#;

#[test]
fn required_fields_are_named() {
    let required = json!({
        "target_url": ["This field is required."],
        "limit_events": ["This field is required."],
        "action_types": ["This field is required."],
    });
    let webhook = stored();
    for change in [WriteMode::Create, WriteMode::Replace(&webhook)] {
        let errors = parse(change, "{}").unwrap_err();
        assert_eq!(errors.to_string(), required.to_string());
    }
    assert_eq!(
        parse(WriteMode::Update(&webhook), "{}"),
        Ok(WebhookFields::of(&webhook))
    );
    let nulls = r#"{"comment":null,"action_types":null,"limit_events":null,"all_events":null,
                    "target_url":null,"enabled":null,"id":null,"Comment":5}"#;
    let message = ["This field may not be null."];
    let expected = json!({
        "enabled": message, "target_url": message, "all_events": message, "limit_events": message,
        "action_types": message,
    });
    for change in [
        WriteMode::Create,
        WriteMode::Replace(&webhook),
        WriteMode::Update(&webhook),
    ] {
        assert_eq!(
            parse(change, nulls).unwrap_err().to_string(),
            expected.to_string()
        );
    }
}

#[test]
fn bodies_that_are_no_object() {
    for (body, message) in [
        ("null", "No data provided"),
        ("[]", "Invalid data. Expected a dictionary, but got list."),
        ("\"x\"", "Invalid data. Expected a dictionary, but got str."),
        ("1", "Invalid data. Expected a dictionary, but got int."),
        ("1.0", "Invalid data. Expected a dictionary, but got float."),
        ("NaN", "Invalid data. Expected a dictionary, but got float."),
        ("true", "Invalid data. Expected a dictionary, but got bool."),
    ] {
        for change in [WriteMode::Create, WriteMode::Update(&stored())] {
            assert_eq!(
                parse(change, body),
                Err(json!({"non_field_errors": [message]}))
            );
        }
    }
}

#[test]
fn defaults_of_a_new_webhook() {
    let made = parse(WriteMode::Create, MINIMAL).unwrap();
    assert!(made.enabled);
    assert_eq!(made.events, EventFilter::All);
    assert_eq!((made.action_types, made.comment), (Vec::new(), None));
    let limited = parse(
        WriteMode::Create,
        r#"{"target_url":" http://a.example\n","limit_events":["sampleconf","democon","democon"],
            "action_types":["z.z","a.b","z.z"],"enabled":"OFF","id":5,"x":1,"target_url":" http://b.example\t"}"#,
    )
    .unwrap();
    assert!(!limited.enabled);
    assert_eq!(limited.target.as_unredacted_str(), "http://b.example");
    assert_eq!(limited.events, only(&["democon", "sampleconf"]));
    assert_eq!(limited.action_types, names(&["a.b", "z.z", "z.z"]));
}

#[test]
fn put_resets_and_patch_keeps() {
    let webhook = stored();
    let replaced = parse(WriteMode::Replace(&webhook), MINIMAL).unwrap();
    assert!(replaced.enabled);
    assert_eq!(replaced.events, EventFilter::All);
    assert_eq!(replaced.comment, None);
    let updated = parse(WriteMode::Update(&webhook), r#"{"comment":"  new "}"#).unwrap();
    assert_eq!(
        updated,
        WebhookFields {
            comment: Some("new".into()),
            ..WebhookFields::of(&webhook)
        }
    );
    let enabled = parse(WriteMode::Update(&webhook), r#"{"enabled":1}"#).unwrap();
    assert!(enabled.enabled);
}

#[test]
fn action_types_are_compared_as_sets() {
    let webhook = stored();
    for (asked, expected) in [
        (r#"["a.c","a.b"]"#, names(&["a.b", "a.b", "a.c"])),
        (r#"["a.c","a.b","a.c"]"#, names(&["a.b", "a.b", "a.c"])),
        (r#"["a.c"]"#, names(&["a.c"])),
        (
            r#"["z.z","a.*","z.z","a.b"]"#,
            names(&["a.*", "a.b", "a.b", "z.z"]),
        ),
        ("[]", names(&[])),
        ("\"\"", names(&[])),
        (r#"{"a.c":1}"#, names(&["a.c"])),
    ] {
        let body = format!(r#"{{"action_types":{asked}}}"#);
        assert_eq!(
            parse(WriteMode::Update(&webhook), &body)
                .unwrap()
                .action_types,
            expected,
            "{asked}"
        );
    }
}

#[test]
fn all_events_follows_limit_events() {
    let conflict = json!({"non_field_errors": ["You can set either limit_events or all_events."]});
    let mut everywhere = stored();
    everywhere.events = EventFilter::All;
    let limited = stored();
    for (webhook, body, expected) in [
        (&everywhere, r#"{"limit_events":["democon"]}"#, None),
        (
            &everywhere,
            r#"{"limit_events":["democon"],"all_events":false}"#,
            Some(only(&["democon"])),
        ),
        (&everywhere, r#"{"all_events":false}"#, Some(only(&[]))),
        (
            &everywhere,
            r#"{"limit_events":[]}"#,
            Some(EventFilter::All),
        ),
        (&limited, r#"{"all_events":true}"#, None),
        (
            &limited,
            r#"{"all_events":true,"limit_events":[]}"#,
            Some(EventFilter::All),
        ),
        (&limited, r#"{"limit_events":[]}"#, Some(only(&[]))),
        (
            &limited,
            r#"{"limit_events":["sampleconf"]}"#,
            Some(only(&["sampleconf"])),
        ),
        (
            &limited,
            r#"{"limit_events":{"sampleconf":0}}"#,
            Some(only(&["sampleconf"])),
        ),
    ] {
        let result = parse(WriteMode::Update(webhook), body).map(|fields| fields.events);
        assert_eq!(result, expected.ok_or(conflict.clone()), "{body}");
    }
    let with = |extra: &str| MINIMAL.replace("\"limit_events\":[]", extra);
    for change in [WriteMode::Create, WriteMode::Replace(&everywhere)] {
        let events = |extra: &str| parse(change, &with(extra)).map(|fields| fields.events);
        assert_eq!(
            events(r#""limit_events":["democon"],"all_events":true"#),
            Err(conflict.clone())
        );
        assert_eq!(
            events(r#""limit_events":["democon"]"#),
            Ok(only(&["democon"]))
        );
        assert_eq!(
            events(r#""limit_events":[],"all_events":false"#),
            Ok(only(&[]))
        );
        // The rule across fields waits until each field is fine.
        let both = with(r#""limit_events":["democon"],"all_events":true,"enabled":5"#);
        assert_eq!(
            parse(change, &both),
            Err(json!({"enabled": ["Must be a valid boolean."]}))
        );
    }
}

#[test]
fn booleans() {
    for value in [
        "true", "1", "1.0", "\"t\"", "\"Y\"", "\"YES\"", "\"True\"", "\"on\"", "\"1\"",
    ] {
        assert!(
            parse(
                WriteMode::Update(&stored()),
                &format!("{{\"enabled\":{value}}}")
            )
            .unwrap()
            .enabled,
            "{value}"
        );
    }
    for value in [
        "false",
        "0",
        "0.0",
        "-0",
        "\"f\"",
        "\"N\"",
        "\"no\"",
        "\"False\"",
        "\"OFF\"",
        "\"0\"",
    ] {
        assert!(
            !parse(
                WriteMode::Update(&stored()),
                &format!("{{\"enabled\":{value}}}")
            )
            .unwrap()
            .enabled,
            "{value}"
        );
    }
    for value in [
        "2",
        "-1",
        "1.5",
        "NaN",
        "\"\"",
        "\"null\"",
        "\" true\"",
        "\"2\"",
        "[]",
        "{}",
        "[1]",
        "\"\\ud83c\"",
    ] {
        for field in ["enabled", "all_events"] {
            assert_eq!(
                messages(field, value),
                ["Must be a valid boolean."],
                "{value}"
            );
        }
    }
}

#[test]
fn target_urls() {
    let invalid = "Enter a valid URL.";
    let long = "Ensure this field has no more than 1024 characters.";
    let of = |chars: usize| format!("\"http://a.example/{}\"", "ä".repeat(chars - 17));
    for (value, expected) in [
        ("\"http://a.example\"".to_owned(), vec![]),
        ("\"\"".into(), vec!["This field may not be blank."]),
        (
            "\" \\t\\u3000\\u001f\"".into(),
            vec!["This field may not be blank."],
        ),
        ("\"foo.bar\"".into(), vec![invalid]),
        ("5".into(), vec![invalid]),
        ("true".into(), vec![invalid]),
        ("[\"http://a.example\"]".into(), vec![invalid]),
        (of(1024), vec![]),
        (format!("\"  {}", &of(1024)[1..]), vec![]),
        (of(1025), vec![long]),
        (of(2049), vec![long, invalid]),
        (
            "\"http://a.example/\\u0000\"".into(),
            vec!["Null characters are not allowed."],
        ),
        (
            "\"http://a.example/\\ud83c\"".into(),
            vec!["Surrogate characters are not allowed: U+D83C."],
        ),
        (
            "\"\\ud83c\\u0000\"".into(),
            vec![
                "Null characters are not allowed.",
                "Surrogate characters are not allowed: U+D83C.",
                invalid,
            ],
        ),
    ] {
        assert_eq!(messages("target_url", &value), expected, "{value}");
    }
}

#[test]
fn comments() {
    for (value, stored_comment) in [
        ("null", None),
        ("\"\"", Some("")),
        ("\"  \"", Some("")),
        ("\" a b \"", Some("a b")),
        ("5", Some("5")),
        ("1.50", Some("1.5")),
        ("1e22", Some("1e+22")),
        ("NaN", Some("nan")),
        ("\"<b>\"", Some("<b>")),
    ] {
        let fields = parse(
            WriteMode::Update(&stored()),
            &format!("{{\"comment\":{value}}}"),
        )
        .unwrap();
        assert_eq!(fields.comment.as_deref(), stored_comment, "{value}");
    }
    for value in ["true", "[]", "{}"] {
        assert_eq!(messages("comment", value), ["Not a valid string."]);
    }
    assert!(messages("comment", &format!("\" {} \"", "ä".repeat(255))).is_empty());
    assert_eq!(
        messages("comment", &format!("\"{}\\u0000\\udc00\"", "ä".repeat(255))),
        [
            "Ensure this field has no more than 255 characters.",
            "Null characters are not allowed.",
            "Surrogate characters are not allowed: U+DC00.",
        ]
    );
}

#[test]
fn lists_of_events() {
    for (value, message) in [
        (
            "\"democon\"",
            "Expected a list of items but got type \"str\".",
        ),
        ("1", "Expected a list of items but got type \"int\"."),
        ("1.5", "Expected a list of items but got type \"float\"."),
        ("false", "Expected a list of items but got type \"bool\"."),
        (
            "[\"democon\",\"foo\",\"bar\"]",
            "Object with slug=foo does not exist.",
        ),
        ("[\"Democon\"]", "Object with slug=Democon does not exist."),
        (
            "[\"democon \"]",
            "Object with slug=democon  does not exist.",
        ),
        ("[2]", "Object with slug=2 does not exist."),
        ("[1.0]", "Object with slug=1.0 does not exist."),
        ("[null]", "Object with slug=None does not exist."),
        ("[false]", "Object with slug=False does not exist."),
        ("[[\"a\"]]", "Object with slug=['a'] does not exist."),
        (
            "[{\"slug\":\"a\",\"b\":[null,1e16]}]",
            "Object with slug={'slug': 'a', 'b': [None, 1e+16]} does not exist.",
        ),
        ("{\"foo\":1}", "Object with slug=foo does not exist."),
        ("[\"\\ud83c\"]", "Invalid value."),
        ("[\"a\\u0000\"]", "Invalid value."),
    ] {
        assert_eq!(messages("limit_events", value), [message], "{value}");
    }
    assert!(messages("limit_events", "[\"democon\",1,true]").is_empty());
}

#[test]
fn lists_of_action_types() {
    for (value, message) in [
        ("[\"foo\"]", "Invalid action type \"foo\"."),
        ("[\"a.b\",\"a.b \",\"x\"]", "Invalid action type \"a.b \"."),
        ("[\"a.b.c\"]", "Invalid action type \"a.b.c\"."),
        ("\"a.b\"", "Invalid action type \"a\"."),
        ("{\"foo\":1}", "Invalid action type \"foo\"."),
        ("[1]", "Invalid action type \"1\"."),
        ("[null]", "Invalid action type \"None\"."),
        ("[true]", "Invalid action type \"True\"."),
        ("[[\"a.b\"]]", "Invalid action type \"['a.b']\"."),
        (
            "[{\"a\":\"it's\"}]",
            "Invalid action type \"{'a': \"it's\"}\".",
        ),
        ("1", "Expected a list of items but got type \"int\"."),
        ("true", "Expected a list of items but got type \"bool\"."),
    ] {
        assert_eq!(messages("action_types", value), [message], "{value}");
    }
}

#[test]
fn a_missing_checkbox_of_a_form_is_false() {
    let form = |json: &str| ParsedBody {
        json: parser::parse_body(json.as_bytes()).unwrap(),
        is_form: true,
    };
    let made = checked(
        WriteMode::Create,
        form(r#"{"target_url":"http://a.example","action_types":""}"#),
    )
    .unwrap();
    assert!(!made.enabled);
    assert_eq!(made.events, only(&[]));
    let errors = checked(WriteMode::Create, form("{}")).unwrap_err();
    assert_eq!(errors.as_object().unwrap().len(), 2);
    let webhook = stored();
    assert_eq!(
        checked(WriteMode::Update(&webhook), form("{}")),
        Ok(WebhookFields::of(&webhook))
    );
}

#[test]
fn the_resource_has_these_keys_in_this_order() {
    let mut webhook = stored();
    let order: Vec<EventSlug> = ["sampleconf", "democon", "third"]
        .map(|slug| slug.parse().unwrap())
        .into();
    webhook.events = only(&["democon", "sampleconf"]);
    assert_eq!(
        serde_json::to_string(&WebhookJson::new(&webhook, &order)).unwrap(),
        concat!(
            r#"{"id":7,"enabled":false,"target_url":"https://example.com/old","all_events":false,"#,
            r#""limit_events":["sampleconf","democon"],"action_types":["a.b","a.b","a.c"],"comment":"old"}"#
        )
    );
    webhook.events = EventFilter::All;
    webhook.comment = None;
    let text = serde_json::to_string(&WebhookJson::new(&webhook, &order)).unwrap();
    assert!(
        text.contains(r#""all_events":true,"limit_events":[]"#)
            && text.ends_with(r#""comment":null}"#)
    );
}
