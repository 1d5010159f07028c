//! The keys of a JSON Schema, if it is simple enough for a table.

use serde_json::Value;

/// A key of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// Its types or allowed values, as in JSON.
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: String,
}

/// The keys of a schema; `None` if a table cannot describe it.
pub(super) fn keys(schema: &Value) -> Option<Vec<Key>> {
    let known = ["$ref", "allOf", "anyOf", "oneOf", "not", "if"];
    if known.iter().any(|word| schema.get(word).is_some()) {
        return None;
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties")?.as_object()?;
    let key = |(name, property): (&String, &Value)| Key {
        name: name.clone(),
        kind: kind(property),
        required: required.contains(&name.as_str()),
        description: text(property, "description")
            .or_else(|| text(property, "title"))
            .unwrap_or_default(),
    };
    Some(properties.iter().map(key).collect())
}

fn text(schema: &Value, name: &str) -> Option<String> {
    schema.get(name)?.as_str().map(str::to_owned)
}

fn kind(schema: &Value) -> String {
    let fixed = schema
        .get("enum")
        .and_then(Value::as_array)
        .cloned()
        .or_else(|| Some(vec![schema.get("const")?.clone()]));
    if let Some(values) = fixed {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return values.join(" | ");
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            let words: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            words.join(" | ")
        }
        _ => String::new(),
    };
    match text(schema, "format") {
        Some(format) => format!("{types} ({format})"),
        None => types,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn simple_schemas_are_tables() {
        let schema = json!({"type": "object", "required": ["code"], "properties": {
            "code": {"type": "string", "title": "Code", "description": "The code."},
            "type": {"type": ["string", "null"], "enum": ["entry", null]},
            "at": {"type": ["string", "null"], "format": "date-time", "title": "When"},
        }});
        let rows: Vec<_> = keys(&schema)
            .unwrap()
            .into_iter()
            .map(|key| (key.name, key.kind, key.required, key.description))
            .collect();
        let row = |name: &str, kind: &str, required, description: &str| {
            (
                name.to_owned(),
                kind.to_owned(),
                required,
                description.to_owned(),
            )
        };
        assert_eq!(
            rows,
            [
                row("code", "string", true, "The code."),
                row("type", "\"entry\" | null", false, ""),
                row("at", "string | null (date-time)", false, "When"),
            ]
        );
    }

    #[test]
    fn others_are_not() {
        for schema in [
            json!({"type": "object"}),
            json!({"allOf": [{"properties": {}}], "properties": {}}),
            json!(true),
            json!({"properties": 3}),
        ] {
            assert_eq!(keys(&schema), None, "{schema}");
        }
    }
}
