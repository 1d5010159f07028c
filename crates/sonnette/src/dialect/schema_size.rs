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
    /// What the targets of references expand to, by JSON pointer.
    known: HashMap<String, Expansion>,
    /// The targets being measured, each with the number of references to itself met so far.
    open: Vec<(String, u32)>,
}

/// A part of a schema with its references expanded.
#[derive(Clone, Copy, Default)]
struct Expansion {
    objects: u64,
    /// The longest chain of references in it.
    reference_depth: usize,
}

impl Expansion {
    const ONE_OBJECT: Self = Self {
        objects: 1,
        reference_depth: 0,
    };

    fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.reference_depth = self.reference_depth.max(other.reference_depth);
    }
}

impl<'a> SizeCounter<'a> {
    fn referenced_size(&mut self, pointer: &str) -> Result<Expansion, String> {
        if let Some(size) = self.known.get(pointer) {
            return Ok(*size);
        }
        if let Some((innermost, references)) = self.open.last_mut()
            && innermost == pointer
        {
            // One reference to itself is a tree; each further one multiplies with the depth of the input.
            *references += 1;
            return if *references == 1 {
                Ok(Expansion::ONE_OBJECT)
            } else {
                Err(circular_reference())
            };
        }
        if self.open.iter().any(|(open, _)| open == pointer) {
            return Err(circular_reference());
        }
        // Bounds the recursion. The schema itself is open as well.
        if self.open.len() > MAX_REFERENCE_DEPTH {
            return Err(long_reference_chain());
        }
        let root: &'a Value = self.root;
        let Some(node) = root.pointer(pointer) else {
            return Ok(Expansion::ONE_OBJECT);
        };
        self.open.push((pointer.to_owned(), 0));
        let size = self.size(node, pointer.is_empty())?;
        self.open.pop();
        self.known.insert(pointer.to_owned(), size);
        Ok(size)
    }

    /// Counts definitions and choices as well, which the validator does not visit: an upper bound.
    fn size(&mut self, node: &'a Value, is_root: bool) -> Result<Expansion, String> {
        let mut size = Expansion::default();
        match node {
            Value::Object(members) => {
                size.add(Expansion::ONE_OBJECT);
                for (key, value) in members {
                    size.add(match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => {
                            let target = self.referenced_size(&pointer_of(reference)?)?;
                            Expansion {
                                reference_depth: target.reference_depth + 1,
                                ..target
                            }
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
                    });
                }
            }
            Value::Array(items) => {
                for item in items {
                    size.add(self.size(item, false)?);
                }
            }
            _ => {}
        }
        if size.reference_depth > MAX_REFERENCE_DEPTH {
            return Err(long_reference_chain());
        }
        if size.objects > MAX_EXPANDED_OBJECTS {
            return Err(format!(
                "This schema is too large: with its references written out it has more than {MAX_EXPANDED_OBJECTS} objects."
            ));
        }
        Ok(size)
    }
}

fn long_reference_chain() -> String {
    format!("References may lead on {MAX_REFERENCE_DEPTH} times.")
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

    /// A chain of references. Its definitions are in their order behind the first reference, or before it and reversed.
    fn chain(references: usize, is_reversed: bool) -> Value {
        let mut definitions: Vec<_> = (1..references)
            .map(|n| {
                (
                    format!("d{n}"),
                    json!({"$ref": format!("#/$defs/d{}", n + 1)}),
                )
            })
            .collect();
        definitions.push((format!("d{references}"), json!({"type": "string"})));
        if is_reversed {
            definitions.reverse();
        }
        let definitions: Map<_, _> = definitions.into_iter().collect();
        if is_reversed {
            json!({"$defs": definitions, "$ref": "#/$defs/d1"})
        } else {
            json!({"$ref": "#/$defs/d1", "$defs": definitions})
        }
    }

    #[test]
    fn a_chain_of_references_is_bounded() {
        for is_reversed in [false, true] {
            assert_eq!(check(&chain(64, is_reversed)), Ok(()), "{is_reversed}");
            let refused = check(&chain(65, is_reversed));
            let message = "References may lead on 64 times.".to_owned();
            assert_eq!(refused, Err(message), "{is_reversed}");
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
