//! Checks `data` against JSON Schemas.
//!
//! Organizers write schemas too. So no reference is fetched, and a check that costs too much is refused.

use std::sync::Arc;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::check_budget::{BudgetExceeded, CheckBudget, MAX_CHECK_STEPS};
use super::field_errors::{FieldErrors, MAX_ERRORS, child_path};
use super::lazy_schema::{LazySchema, SchemaValidator};
use super::metered_json::MeteredNode;
use super::schema_messages::{dotted_path, message_of, not_an_object, wrong_type};

/// Steps of the search for all errors. Each step may keep an error in memory.
const MAX_ERROR_STEPS: u64 = 300_000;
/// Steps of the search for the first error, which keeps the errors of its alternatives.
const MAX_FIRST_ERROR_STEPS: u64 = 300_000;

/// What is required of `data`.
#[derive(Debug, Clone)]
pub(super) enum DataSchema {
    /// It is a JSON object.
    AnyObject,
    /// It is a JSON object that the schema accepts. If the schema cannot be used, all `data` is refused.
    Schema(Arc<LazySchema>),
}

impl DataSchema {
    /// A schema that is compiled at its first use.
    pub(super) fn of(schema: &Value) -> Self {
        Self::Schema(LazySchema::of(schema))
    }

    /// A schema of the program, compiled at once.
    pub(super) fn builtin(schema: &Value) -> Self {
        let schema = LazySchema::of(schema);
        schema.get(true);
        Self::Schema(schema)
    }

    /// Validates `value`; error paths begin with `root`.
    pub(super) fn check(
        &self,
        value: &Value,
        root: &str,
        budget: &CheckBudget,
    ) -> Result<(), FieldErrors> {
        let schema = match self {
            Self::AnyObject if value.is_object() => return Ok(()),
            Self::AnyObject => return Err(FieldErrors::one(root, not_an_object(value))),
            Self::Schema(schema) => schema,
        };
        match schema.get(!budget.is_inline()) {
            Some(Ok(compiled)) if budget.is_inline() && compiled.backtracks.is_some() => {
                budget.exceed();
                Err(FieldErrors::one(root, TOO_COSTLY_MESSAGE))
            }
            None => {
                budget.exceed();
                Err(FieldErrors::one(root, TOO_COSTLY_MESSAGE))
            }
            Some(Ok(compiled)) => compiled.check(value, root, budget),
            Some(Err(_)) => Err(FieldErrors::one(
                root,
                "The schema of this action type cannot be used. Change the action type first.",
            )),
        }
    }
}

const TOO_COSTLY_MESSAGE: &str = "Checking this against the schema of the action type costs too much: publish less at a time, or simplify the schema.";

impl SchemaValidator {
    fn check(&self, value: &Value, root: &str, budget: &CheckBudget) -> Result<(), FieldErrors> {
        let node = MeteredNode(value);
        let is_valid = budget.run(MAX_CHECK_STEPS, self.costs, || {
            self.validator.is_valid(node)
        });
        match is_valid {
            Err(exceeded) => {
                budget.exceed();
                let path = path_of(exceeded, value, root);
                Err(FieldErrors::one(
                    path.unwrap_or_else(|| root.to_owned()),
                    TOO_COSTLY_MESSAGE,
                ))
            }
            Ok(true) if value.is_object() => Ok(()),
            Ok(true) => Err(FieldErrors::one(root, not_an_object(value))),
            Ok(false) => Err(self.errors(value, root, budget)),
        }
    }

    /// All errors, or the first if there may be many, or a general one if that is hard to find too.
    fn errors(&self, value: &Value, root: &str, budget: &CheckBudget) -> FieldErrors {
        let node = MeteredNode(value);
        let validator = &self.validator;
        let all = budget.run(MAX_ERROR_STEPS, self.costs, || {
            validator.iter_errors(node).take(MAX_ERRORS).collect()
        });
        let found: Vec<_> = all
            .or_else(|_| {
                budget.run(MAX_FIRST_ERROR_STEPS, self.costs, || {
                    validator.validate(node).err().into_iter().collect()
                })
            })
            .unwrap_or_default();
        let errors = field_errors(&found, root);
        if errors.is_empty() {
            return FieldErrors::one(root, "This does not fit the schema of the action type.");
        }
        errors
    }
}

fn field_errors(found: &[ValidationError<'_>], root: &str) -> FieldErrors {
    let is_type_error =
        |error: &&ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
    let ill_typed: Vec<_> = found
        .iter()
        .filter(is_type_error)
        .map(|error| error.instance_path().as_str())
        .collect();
    let mut errors = FieldErrors::default();
    for error in found {
        let path = dotted_path(root, error.instance_path());
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                errors.push(child_path(&path, key), "This field is required.".to_owned());
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for key in unexpected.iter().take(MAX_ERRORS) {
                    let message = "This is not a key of this action type.";
                    errors.push(child_path(&path, key), message.to_owned());
                }
            }
            ValidationErrorKind::Type { kind } => {
                errors.push(path, wrong_type(kind, error.instance()));
            }
            // A value of the wrong type needs no further error.
            _ if ill_typed.contains(&error.instance_path().as_str()) => {}
            _ => errors.push(path, message_of(error)),
        }
    }
    errors
}

/// The path of the value at which a check ended.
fn path_of(exceeded: BudgetExceeded, value: &Value, path: &str) -> Option<String> {
    if exceeded.is_at(value) {
        return Some(path.to_owned());
    }
    match value {
        Value::Object(members) => members
            .iter()
            .find_map(|(key, member)| path_of(exceeded, member, &child_path(path, key))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| path_of(exceeded, item, &format!("{path}.{index}"))),
        _ => None,
    }
}
