//! The size of a JSON Schema with its references expanded.
//!
//! A few definitions that refer to each other can keep a validator busy for hours, and organizers write schemas. So the
//! expanded size is bounded when a schema is registered; validating costs at most this size times that of the input.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The most objects in a schema with its references expanded.
const MAX_EXPANDED_OBJECTS: u64 = 5_000;

/// The longest chain of references.
const MAX_REFERENCE_DEPTH: usize = 64;

/// Refuses a schema that could be too costly, with an error text.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut counter = SizeCounter {
        root: schema,
        known: HashMap::new(),
        open: Vec::new(),
    };
    counter.referenced_size("").map(|_| ())
}

struct SizeCounter<'a> {
    root: &'a Value,
    /// The sizes of the targets of references, by JSON pointer.
    known: HashMap<String, u64>,
    /// The targets being measured, each with the number of references to itself met so far.
    open: Vec<(String, u32)>,
}

impl<'a> SizeCounter<'a> {
    fn referenced_size(&mut self, pointer: &str) -> Result<u64, String> {
        if let Some(size) = self.known.get(pointer) {
            return Ok(*size);
        }
        if let Some((innermost, references)) = self.open.last_mut()
            && innermost == pointer
        {
            // One reference to itself is a tree; each further one multiplies with the depth of the input.
            *references += 1;
            return if *references == 1 {
                Ok(1)
            } else {
                Err(circular_reference())
            };
        }
        if self.open.iter().any(|(open, _)| open == pointer) {
            return Err(circular_reference());
        }
        if self.open.len() > MAX_REFERENCE_DEPTH {
            return Err(format!(
                "References may lead on {MAX_REFERENCE_DEPTH} times."
            ));
        }
        let root: &'a Value = self.root;
        let Some(node) = root.pointer(pointer) else {
            return Ok(1);
        };
        self.open.push((pointer.to_owned(), 0));
        let size = self.size(node, pointer.is_empty())?;
        self.open.pop();
        self.known.insert(pointer.to_owned(), size);
        Ok(size)
    }

    /// Counts definitions and choices as well, which the validator does not visit: an upper bound.
    fn size(&mut self, node: &'a Value, is_root: bool) -> Result<u64, String> {
        let mut size = 0;
        match node {
            Value::Object(members) => {
                size += 1;
                for (key, value) in members {
                    size += match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => {
                            self.referenced_size(&pointer_of(reference)?)?
                        }
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                            return Err(
                                "$dynamicRef and $recursiveRef are not supported.".to_owned()
                            );
                        }
                        ("$id", Value::String(_)) if !is_root => {
                            return Err("$id is supported at the top only.".to_owned());
                        }
                        _ => self.size(value, false)?,
                    };
                }
            }
            Value::Array(items) => {
                for item in items {
                    size += self.size(item, false)?;
                }
            }
            _ => {}
        }
        if size > MAX_EXPANDED_OBJECTS {
            return Err(format!(
                "This schema is too large: with its references written out it has more than {MAX_EXPANDED_OBJECTS} objects."
            ));
        }
        Ok(size)
    }
}

fn circular_reference() -> String {
    "A definition may refer to itself once, and not in a wider circle.".to_owned()
}

fn pointer_of(reference: &str) -> Result<String, String> {
    match reference.strip_prefix('#') {
        Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
            Ok(percent_decode_str(pointer).decode_utf8_lossy().into_owned())
        }
        _ => Err("References must lead into the schema itself: they begin with \"#/\".".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn usual_schemas_are_accepted() {
        for schema in [
            json!({}),
            json!(true),
            json!({"$id": "https://example.com/s", "$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "object"}}}),
            json!({"properties": {"children": {"items": {"$ref": "#"}}}}),
            json!({
                "$defs": {"tree": {"properties": {"left": {"items": {"$ref": "#/$defs/tree"}}}}},
                "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"$ref": "#/$defs/tree"}},
            }),
            json!({"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}}),
        ] {
            assert_eq!(check(&schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn schemas_that_multiply_are_refused() {
        let mut doubling = Map::new();
        for n in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            doubling.insert(format!("d{n}"), json!({"allOf": [next, next]}));
        }
        for (schema, word) in [
            (
                json!({"$defs": doubling, "$ref": "#/$defs/d0"}),
                "too large",
            ),
            (
                json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}),
                "refer to itself once",
            ),
            (
                json!({
                    "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}},
                }),
                "refer to itself once",
            ),
            (json!({"$ref": "https://example.com/s"}), "begin with"),
            (json!({"$ref": "#anchor"}), "begin with"),
            (json!({"$dynamicRef": "#"}), "not supported"),
            (json!({"items": {"$id": "x"}}), "top only"),
        ] {
            let refused = check(&schema).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
