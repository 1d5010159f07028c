//! Creads' bodies, against the worked examples in `creads_examples.txt`.

use super::*;
use crate::domain::{PendingWebhookChange, WebhookChange, WebhookId};

fn creads() -> Catalogue {
    Catalogue::new(&[DialectName::Creads], &[])
}

fn sent(action: &str, data: &str) -> Result<String, FieldErrors> {
    body(&creads(), action, None, data)
}

#[test]
fn bodies_are_the_worked_examples() {
    let mut count = 0;
    for example in include_str!("creads_examples.txt").lines() {
        let parts: Value = serde_json::from_str(example).unwrap();
        let change = parts["event"]
            .as_str()
            .unwrap()
            .trim_start_matches("resource.");
        let name = format!(
            "creads.{}.{change}",
            parts["resource_type"].as_str().unwrap()
        );
        let mut data = json!({"resource_gid": parts["resource_gid"]});
        if let Some(resource) = parts.get("resource") {
            data["resource"] = resource.clone();
        }
        let body = sent(&name, &data.to_string()).unwrap();
        assert_eq!(body, example);
        let back = extract_data(PayloadShape::Creads, body.as_bytes()).unwrap();
        assert_eq!(back.get(), data.to_string());
        count += 1;
    }
    assert_eq!(count, 17);
}

#[test]
fn there_are_17_pairs_with_examples() {
    let catalogue = creads();
    let lines: Vec<_> = catalogue
        .iter()
        .map(|catalogue_entry| {
            assert!(catalogue.is_selectable(catalogue_entry.name.as_str()));
            let text = sent(
                catalogue_entry.name.as_str(),
                &catalogue_entry.example.to_string(),
            )
            .unwrap();
            format!(
                "\"{}\" ({})\n  {text}",
                catalogue_entry.name, catalogue_entry.description
            )
        })
        .collect();
    assert_eq!(lines.len(), 17);
    assert!(catalogue.is_selectable("creads.*") && catalogue.is_selectable("creads.project.*"));
    insta::with_settings!({snapshot_path => "../../../tests/it/dialects/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("creads_bodies", lines.join("\n"));
    });
}

#[test]
fn a_resource_is_passed_through_as_it_was_written_but_in_utf8() {
    let data = r#"{ "resource": {"z": 1.50, "a": 12345678901234567890123, "\u00e9": "\u00e9 \/ \u001F\n", "n": null, "z2": [ ]},
        "resource_gid": "x\u0041" }"#;
    assert_eq!(
        sent("creads.work.created", data).unwrap(),
        r#"{"event":"resource.created","resource_type":"work","resource_gid":"xA","resource":{"z":1.50,"a":12345678901234567890123,"é":"é / \u001f\n","n":null,"z2":[]}}"#
    );
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for (data, path) in [
        (
            r#"{"resource_gid":"1","resource":{"a":1},"resource_gid":"2"}"#,
            "data.resource_gid",
        ),
        (
            r#"{"resource_gid":"1","resource":{"a":1,"\u0061":2}}"#,
            "data.resource.a",
        ),
    ] {
        let errors = sent("creads.work.created", data).unwrap_err();
        assert_eq!(
            errors.to_string(),
            format!("{path}: This key occurs twice in its object.")
        );
    }
}

#[test]
fn other_pairs_are_refused_by_name() {
    let catalogue = creads();
    let mut refused = Vec::new();
    for resource in [
        "invitation",
        "organization",
        "product",
        "membership",
        "project",
        "project_message",
        "work",
        "webhook",
        "comment",
    ] {
        for change in ["created", "updated", "deleted"] {
            let name = format!("creads.{resource}.{change}");
            if catalogue.resolve(&name).is_none() {
                let message = catalogue.explain_unknown(&name);
                assert!(
                    message.contains(&format!("\"{resource}\""))
                        && message.contains(&format!("\"{change}\"")),
                    "{message}"
                );
                refused.push(message);
            }
        }
    }
    assert_eq!(refused.len(), 10);
    insta::assert_snapshot!(refused[0], @r#"Unknown action type "creads.organization.created": "created" is not available for "organization", only updated."#);
    insta::assert_snapshot!(catalogue.explain_unknown("creads.robot.created"), @r#"Unknown action type "creads.robot.created": there is no resource "robot" that could be "created"."#);
    insta::assert_snapshot!(catalogue.explain_unknown("creads.work.painted"), @r#"Unknown action type "creads.work.painted": "painted" is not an event of "work"."#);
    // Whoever does not speak the dialect is not told of its words.
    let others = Catalogue::new(&[DialectName::Pretix], &[]);
    assert_eq!(
        others.explain_unknown("creads.work.painted"),
        r#"Unknown action type "creads.work.painted": the dialect creads is off for this organizer; an operator adds it to its dialects."#
    );
}

#[test]
fn wrong_input_is_refused_path_by_path() {
    let mut lines: Vec<String> = Vec::new();
    for (action, data) in [
        ("creads.work.created", "{}"),
        (
            "creads.work.created",
            r#"{"resource_gid": "", "resource": null}"#,
        ),
        (
            "creads.work.created",
            r#"{"resource_gid": 5, "resource": [], "more": 1}"#,
        ),
        (
            "creads.project.deleted",
            r#"{"resource_gid": "a", "resource": {}}"#,
        ),
        (
            "creads.project.deleted",
            r#"{"resource_gid": "a", "resource": null}"#,
        ),
        ("creads.project.deleted", "5"),
    ] {
        lines.push(format!("{action} {data}"));
        for (path, message) in sent(action, data).unwrap_err().0 {
            lines.push(format!("  {path}: {message}"));
        }
    }
    insta::with_settings!({snapshot_path => "../../../tests/it/dialects/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("creads_errors", lines.join("\n"));
    });
}

#[test]
fn a_webhook_change_fits_the_schema_and_shows_no_credentials() {
    let mut news = PendingWebhookChange {
        id: 1,
        organizer: OrganizerId(1),
        webhook: WebhookId(27),
        change: WebhookChange::Updated,
        created_at: "2026-03-10T09:15:29.5Z".parse().unwrap(),
        modified_at: "2026-03-11T14:02:05Z".parse().unwrap(),
        target: "https://user:secret@receiver.example.org/creads"
            .parse()
            .unwrap(),
        enabled: false,
    };
    let (name, data) = compose_webhook_change(&organizer(), &news);
    insta::assert_snapshot!(sent(&name, data.get()).unwrap(), @r#"{"event":"resource.updated","resource_type":"webhook","resource_gid":"000000000001b","resource":{"gid":"000000000001b","created_at":"2026-03-10T09:15:29+0000","modified_at":"2026-03-11T14:02:05+0000","href":"/api/v1/organizers/bigevents/webhooks/27/","url":"https://receiver.example.org/creads","enabled":false}}"#);
    news.change = WebhookChange::Deleted;
    let (name, data) = compose_webhook_change(&organizer(), &news);
    insta::assert_snapshot!(sent(&name, data.get()).unwrap(), @r#"{"event":"resource.deleted","resource_type":"webhook","resource_gid":"000000000001b"}"#);
}
