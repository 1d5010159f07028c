//! JSON Schemas that are compiled when they are first needed, and shared by all that have the same text.
//!
//! Compiling may take long and megabytes of memory. So it happens where nobody else waits for the thread, and a registry
//! that is loaded again finds the schemas that it had.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, OnceLock, Weak};

use jsonschema::{PatternOptions, ValidationError, Validator};
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::check_budget::AccessCosts;
use super::field_errors::cut;
use super::metered_json::MeteredJson;
use super::schema_patterns::SchemaPatterns;
use super::schema_size;

/// Bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 128 << 10;
/// Bytes of a compiled pattern of an older schema.
const MAX_OLD_PATTERN_BYTES: usize = 1 << 20;
/// Bytes that a pattern keeps of the states that it has come through, for each thread that matches it.
const MAX_PATTERN_CACHE_BYTES: usize = 128 << 10;
/// How often one match may go back. A key is matched against all patterns of an object, which share this.
const MAX_BACKTRACKS: usize = 100_000;
/// Bytes of a compiled pattern, and what matching a byte of text against it costs, in 1/16 steps. Usually a match costs much
/// less; but a pattern may come through so many states that each byte costs its size.
const PATTERN_COSTS: [(usize, u64); 3] =
    [(4 << 10, 64), (16 << 10, 512), (MAX_PATTERN_BYTES, 4_096)];

/// The schemas used last. They stay in memory until the registry has loaded them.
const MAX_RECENT_SCHEMAS: usize = 4;

/// A schema that is compiled at its first use.
pub(super) struct LazySchema {
    schema: Value,
    compiled: OnceLock<Result<SchemaValidator, String>>,
}

/// The result of compiling.
pub(super) struct SchemaValidator {
    pub(super) validator: Validator<MeteredJson>,
    /// What each access to a value costs under this schema.
    pub(super) costs: AccessCosts,
    /// Why its patterns cannot be matched in linear time, if they cannot.
    pub(super) backtracks: Option<String>,
}

impl std::fmt::Debug for LazySchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LazySchema")
    }
}

impl LazySchema {
    /// The schema with this content.
    pub(super) fn of(schema: &Value) -> Arc<Self> {
        SCHEMA_CACHE.lock().get(schema)
    }

    /// The compiled schema, or why it cannot be used. `None` if it is not compiled yet and `may_compile` is false.
    pub(super) fn get(&self, may_compile: bool) -> Option<&Result<SchemaValidator, String>> {
        if may_compile {
            Some(self.compiled.get_or_init(|| compile(&self.schema)))
        } else {
            self.compiled.get()
        }
    }
}

/// The schemas in use, by the SHA-256 of their text.
#[derive(Default)]
struct SchemaCache {
    by_hash: HashMap<Vec<u8>, Weak<LazySchema>>,
    recent: VecDeque<Arc<LazySchema>>,
    /// The number of entries from which on unused ones are removed.
    cleanup_size: usize,
}

static SCHEMA_CACHE: LazyLock<Mutex<SchemaCache>> = LazyLock::new(Mutex::default);

impl SchemaCache {
    fn get(&mut self, schema: &Value) -> Arc<LazySchema> {
        let hash = digest(&SHA256, schema.to_string().as_bytes())
            .as_ref()
            .to_vec();
        let known = self.by_hash.get(&hash).and_then(Weak::upgrade);
        let shared = known.unwrap_or_else(|| {
            Arc::new(LazySchema {
                schema: schema.clone(),
                compiled: OnceLock::new(),
            })
        });
        self.by_hash.insert(hash, Arc::downgrade(&shared));
        self.recent.push_back(shared.clone());
        if self.recent.len() > MAX_RECENT_SCHEMAS {
            self.recent.pop_front();
        }
        if self.by_hash.len() > self.cleanup_size {
            self.by_hash.retain(|_, known| known.strong_count() > 0);
            self.cleanup_size = 2 * self.by_hash.len() + 64;
        }
        shared
    }
}

/// Compiles a schema: draft 2020-12 unless it names another, with a bounded number of references, all into itself.
fn compile(schema: &Value) -> Result<SchemaValidator, String> {
    schema_size::check(schema)?;
    let patterns = SchemaPatterns::of(schema);
    let mut refused = None;
    for (bytes, byte_cost) in PATTERN_COSTS {
        match build_linear(schema, bytes) {
            Ok(validator) => {
                let costs = AccessCosts {
                    text_byte: if patterns.of_texts == 0 { 1 } else { byte_cost },
                    key_byte: 1 + byte_cost * patterns.of_keys as u64,
                    is_timed: patterns.are_any(),
                };
                return Ok(SchemaValidator {
                    validator,
                    costs,
                    backtracks: None,
                });
            }
            Err(error) => refused = Some(error),
        }
        if !patterns.are_any() {
            break;
        }
    }
    let options = PatternOptions::fancy_regex()
        .backtrack_limit(MAX_BACKTRACKS / patterns.of_keys.max(1))
        .size_limit(MAX_OLD_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_CACHE_BYTES);
    let validator = build(schema, options).map_err(|error| {
        let (keyword, place) = (error.kind().keyword().to_owned(), place(&error));
        let reason = if patterns.are_any() && matches!(keyword.as_str(), "format" | "pattern") {
            " (a pattern that is not a regular expression, or is too large)"
        } else {
            ""
        };
        format!("This is no valid JSON Schema: see {keyword} at {place}{reason}.")
    })?;
    let pattern = refused.as_ref().map(place).unwrap_or_default();
    Ok(SchemaValidator {
        validator,
        costs: AccessCosts {
            text_byte: 16,
            key_byte: 16 * (1 + patterns.of_keys as u64),
            is_timed: true,
        },
        backtracks: Some(format!(
            "The pattern at {pattern} has look-around or a back-reference, or is too large: patterns are matched in linear time, and \
             have up to {MAX_PATTERN_BYTES} bytes when compiled."
        )),
    })
}

fn build_linear(
    schema: &Value,
    max_pattern_bytes: usize,
) -> Result<Validator<MeteredJson>, ValidationError<'static>> {
    let options = PatternOptions::regex()
        .size_limit(max_pattern_bytes)
        .dfa_size_limit(MAX_PATTERN_CACHE_BYTES);
    build(schema, options)
}

fn build<E>(
    schema: &Value,
    patterns: PatternOptions<E>,
) -> Result<Validator<MeteredJson>, ValidationError<'static>> {
    jsonschema::options_for::<MeteredJson>()
        .offline()
        .with_pattern_options(patterns)
        .build(schema)
}

/// Where in the schema an error is.
fn place(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    if place.is_empty() {
        "its top".to_owned()
    } else {
        cut(place)
    }
}
