//! The patterns of a JSON Schema, and the limits of new schemas.

use serde_json::Value;

/// Bytes of the text of a schema.
pub(super) const MAX_SCHEMA_BYTES: usize = 128 << 10;
/// Bytes of the text of an example.
pub(super) const MAX_EXAMPLE_BYTES: usize = 262_144;
/// Patterns in a schema, keys of `patternProperties` included.
pub(super) const MAX_PATTERNS: usize = 100;
/// Characters of a pattern.
const MAX_PATTERN_CHARS: usize = 1_000;
/// Nested lists and objects in the text of a schema.
const MAX_DEPTH: usize = 64;

/// How many patterns a schema has.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct SchemaPatterns {
    /// `pattern`: matched against texts.
    pub(super) of_texts: usize,
    /// Keys of `patternProperties`: each matched against each key.
    pub(super) of_keys: usize,
    /// Characters of the longest.
    longest: usize,
    /// The deepest nesting.
    depth: usize,
}

impl SchemaPatterns {
    /// Counts the patterns. Members of these names that are no patterns count as well: an upper bound.
    pub(super) fn of(schema: &Value) -> Self {
        let mut patterns = Self::default();
        patterns.add(schema, 1);
        patterns
    }

    /// Whether there are patterns.
    pub(super) fn are_any(&self) -> bool {
        self.of_texts + self.of_keys > 0
    }

    /// The number of all.
    pub(super) fn count(&self) -> usize {
        self.of_texts + self.of_keys
    }

    fn add(&mut self, node: &Value, depth: usize) {
        self.depth = self.depth.max(depth);
        match node {
            Value::Object(members) => {
                for (key, value) in members {
                    match (key.as_str(), value) {
                        ("pattern", Value::String(pattern)) => {
                            self.of_texts += 1;
                            self.longest = self.longest.max(pattern.chars().count());
                        }
                        ("patternProperties", Value::Object(patterns)) => {
                            self.of_keys += patterns.len();
                            let longest = patterns.keys().map(|p| p.chars().count()).max();
                            self.longest = self.longest.max(longest.unwrap_or_default());
                        }
                        // A text with `format: regex` is compiled.
                        ("format", Value::String(format)) if format == "regex" => {
                            self.of_texts += 1;
                        }
                        _ => {}
                    }
                    self.add(value, depth + 1);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item, depth + 1)),
            _ => {}
        }
    }
}

/// Refuses a new schema that is too large, with an error text. Older schemas may be larger.
pub(super) fn check_new(schema: &Value) -> Result<(), String> {
    let patterns = SchemaPatterns::of(schema);
    if schema.to_string().len() > MAX_SCHEMA_BYTES {
        return Err(format!("A schema has up to {MAX_SCHEMA_BYTES} bytes."));
    }
    if patterns.depth > MAX_DEPTH {
        return Err(format!(
            "Lists and objects of a schema may be nested {MAX_DEPTH} deep."
        ));
    }
    if patterns.count() > MAX_PATTERNS {
        return Err(format!(
            "A schema has up to {MAX_PATTERNS} patterns, and this one has {}.",
            patterns.count()
        ));
    }
    if patterns.longest > MAX_PATTERN_CHARS {
        return Err(format!(
            "A pattern has up to {MAX_PATTERN_CHARS} characters."
        ));
    }
    Ok(())
}

/// The number of patterns in a schema, as the limits of an organizer count them.
pub fn count_patterns(schema: &Value) -> usize {
    SchemaPatterns::of(schema).count()
}
