//! The table of routes and the document say the same.

use serde_json::Value;

use super::*;

#[test]
fn the_document_has_every_route() {
    let document = serde_json::to_value(openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let Routes { table, .. } = routes();
    for (template, route) in table.iter() {
        for method in route
            .methods
            .iter()
            .filter(|method| !["HEAD", "OPTIONS"].contains(&method.as_str()))
        {
            let operation = &document["paths"][template][method.as_str().to_lowercase()];
            assert!(operation.is_object(), "{method} {template}");
            check(
                operation,
                &format!("{method} {template}"),
                route.access.is_some(),
            );
        }
    }
    for template in ["/healthz", "/readyz", "/metrics"] {
        check(&document["paths"][template]["get"], template, false);
    }
}

fn check(operation: &Value, name: &str, guarded: bool) {
    assert!(
        operation["summary"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{name}: summary"
    );
    assert!(
        operation["description"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{name}: description"
    );
    assert!(operation["operationId"].is_string(), "{name}: operationId");
    assert_eq!(
        operation["security"].is_array(),
        guarded,
        "{name}: security"
    );
    let segments = name.matches('{').count();
    let parameters = operation["parameters"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let described = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "path");
    assert_eq!(described.count(), segments, "{name}: parameters");
    for parameter in parameters {
        assert!(parameter["description"].is_string(), "{name}: {parameter}");
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(seen.insert(id), "{id} twice");
        }
    }
    assert!(seen.len() > 40);
}

#[test]
fn references_lead_somewhere() {
    let text = serde_json::to_string(&openapi()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for part in text.split("\"#/").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(
            document.pointer(&format!("/{pointer}")).is_some(),
            "{pointer}"
        );
    }
}

#[test]
fn the_allow_header_names_all_methods() {
    let Routes { table, .. } = routes();
    let allow = |path: &str| {
        table
            .get(&format!("/api/v1/organizers/{{organizer}}/webhooks/{path}"))
            .unwrap()
            .allow
            .clone()
    };
    assert_eq!(allow(""), "GET, POST, HEAD, OPTIONS");
    assert_eq!(allow("{id}/"), "GET, PUT, PATCH, DELETE, HEAD, OPTIONS");
    assert_eq!(allow("{id}/test/"), "POST, OPTIONS");
}
