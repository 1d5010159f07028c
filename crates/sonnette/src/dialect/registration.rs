//! What can be registered as an action type.

use std::sync::Arc;

use serde_json::Value;

use super::catalogue::{dialect_of, full_schema};
use super::check_budget::CheckBudget;
use super::field_errors::FieldErrors;
use super::lazy_schema::{LazySchema, SchemaValidator};
use super::schema::DataSchema;
use super::schema_patterns::{self, MAX_EXAMPLE_BYTES};
use crate::domain::{ActionTypeName, DialectName, PayloadShape};

/// The limits that a schema is registered under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaRules {
    /// Of a new schema: its size is bounded, and its patterns are matched in linear time.
    New,
    /// Of a schema that is stored already, or that the operator configured: patterns may backtrack, within a limit.
    Existing,
}

/// Checks the name, schema and example of an action type that is to be registered. The store checks whether the name is
/// taken; the caller checks who may register pretix names.
///
/// # Errors
/// The errors by the keys of the request: `action_type`, `family`, `schema`, `example…`.
pub fn check_registration(
    name: &ActionTypeName,
    shape: PayloadShape,
    schema: Option<&Value>,
    example: Option<&Value>,
    rules: SchemaRules,
) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    let mut refuse = |path: &str, message: &str| errors.push(path.to_owned(), message.to_owned());
    match (dialect_of(name), shape) {
        (DialectName::Pretix, PayloadShape::Custom) => refuse("family", "This field is required."),
        (DialectName::Pretix, shape) if !shape.is_pretix_family() => {
            refuse("family", "This is no family of pretix.");
        }
        (DialectName::Custom, _) if name.is_wildcard() => {
            refuse(
                "action_type",
                "Only names that begin with pretix may be wildcards.",
            );
        }
        (DialectName::Pretix, _) | (DialectName::Custom, PayloadShape::Custom) => {}
        (DialectName::Custom, _) => {
            refuse("family", "Only names that begin with pretix have a family.");
        }
        (built_in, _) => {
            let message = format!("Names that begin with {built_in} cannot be registered.");
            refuse("action_type", &message);
        }
    }
    if schema.is_some_and(|schema| !schema.is_object()) {
        refuse("schema", "A JSON Schema is required, as an object.");
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let schema = full_schema(shape, schema);
    if rules == SchemaRules::New {
        schema_patterns::check_new(&schema).map_err(|m| FieldErrors::one("schema", m))?;
    }
    let compiled = LazySchema::of(&schema);
    match compiled.get(true) {
        Some(Err(message)) => return Err(FieldErrors::one("schema", message)),
        Some(Ok(SchemaValidator {
            backtracks: Some(message),
            ..
        })) if rules == SchemaRules::New => return Err(FieldErrors::one("schema", message)),
        _ => {}
    }
    match example {
        Some(example) if example.to_string().len() > MAX_EXAMPLE_BYTES => {
            let message = format!("An example has up to {MAX_EXAMPLE_BYTES} bytes.");
            Err(FieldErrors::one("example", message))
        }
        Some(example) => DataSchema::Schema(compiled).check(
            example,
            "example",
            &CheckBudget::full(Arc::default()),
        ),
        None => Ok(()),
    }
}
