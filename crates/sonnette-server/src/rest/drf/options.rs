//! The response to OPTIONS of the webhook resource.

use serde_json::{Value, json};

/// The path that is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionsResource {
    /// The list of webhooks.
    List,
    /// A webhook that exists.
    Item,
    /// An id of no webhook.
    NoItem,
}

/// The body of the response to OPTIONS.
pub(crate) fn description(described: OptionsResource) -> Value {
    let mut answer = json!({
        "name": if described == OptionsResource::List { "Web Hook List" } else { "Web Hook Instance" },
        "description": "",
        "renders": ["application/json"],
        "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
    });
    match described {
        OptionsResource::List => answer["actions"] = json!({"POST": fields()}),
        OptionsResource::Item => answer["actions"] = json!({"PUT": fields()}),
        OptionsResource::NoItem => {}
    }
    answer
}

fn fields() -> Value {
    json!({
        "id": {"type": "integer", "required": false, "read_only": true, "label": "ID"},
        "enabled": {"type": "boolean", "required": false, "read_only": false, "label": "Enable webhook"},
        "target_url": {
            "type": "url", "required": true, "read_only": false, "label": "Target URL", "max_length": 1024,
        },
        "all_events": {
            "type": "boolean", "required": false, "read_only": false,
            "label": "All events (including newly created ones)",
        },
        "limit_events": {"type": "field", "required": true, "read_only": false, "label": "Limit events"},
        "action_types": {"type": "field", "required": true, "read_only": false, "label": "Action types"},
        "comment": {
            "type": "string", "required": false, "read_only": false, "label": "Comment", "max_length": 255,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_the_paths() {
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let list = description(OptionsResource::List);
        assert_eq!(
            keys(&list),
            ["name", "description", "renders", "parses", "actions"]
        );
        assert_eq!(
            keys(&list["actions"]["POST"]),
            [
                "id",
                "enabled",
                "target_url",
                "all_events",
                "limit_events",
                "action_types",
                "comment"
            ]
        );
        assert_eq!(
            description(OptionsResource::Item)["name"],
            "Web Hook Instance"
        );
        assert_eq!(
            keys(&description(OptionsResource::Item)["actions"]),
            ["PUT"]
        );
        assert!(
            description(OptionsResource::NoItem)
                .get("actions")
                .is_none()
        );
    }
}
