//! JSON Schemas, compiled once, and their errors in the words of a form.
//!
//! Schemas come from organizers too, so nothing is fetched for them and their patterns have a bounded cost.

use std::sync::Arc;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::field_errors::{FieldErrors, MAX_ERRORS};

/// Longer keys are cut in paths, in characters.
const MAX_KEY_CHARS: usize = 100;

/// Longer patterns and choices are not repeated in messages, in characters.
const MAX_ECHO_CHARS: usize = 120;

/// What `data` must be beyond a JSON object.
#[derive(Debug, Clone)]
pub(super) enum DataSchema {
    /// Nothing.
    AnyObject,
    /// It fits.
    Compiled(Arc<Validator>),
    /// A stored schema that no longer compiles: nothing fits.
    Unusable,
}

impl DataSchema {
    /// Whether `value`, shown as `root`, is as it must be.
    pub(super) fn check(&self, value: &Value, root: &str) -> Result<(), FieldErrors> {
        match self {
            Self::AnyObject if value.is_object() => Ok(()),
            Self::AnyObject => Err(FieldErrors::one(root, not_an_object(value))),
            Self::Compiled(validator) if !value.is_object() && validator.is_valid(value) => {
                Err(FieldErrors::one(root, not_an_object(value)))
            }
            Self::Compiled(validator) if validator.is_valid(value) => Ok(()),
            Self::Compiled(validator) => Err(errors_of(validator, value, root)),
            Self::Unusable => Err(FieldErrors::one(
                root,
                "The schema of this action type cannot be used. Change the action type first.",
            )),
        }
    }
}

/// Compiles a schema: draft 2020-12 unless it says otherwise, references only within itself, and not too many.
pub(super) fn compile(schema: &Value) -> Result<Arc<Validator>, String> {
    super::schema_size::check(schema)?;
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(100_000)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20);
    jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(schema)
        .map(Arc::new)
        .map_err(|error| {
            let place = error.instance_path().as_str();
            let place = if place.is_empty() { "its top" } else { place };
            format!(
                "This is no valid JSON Schema: see {} at {}.",
                error.kind().keyword(),
                cut(place)
            )
        })
}

/// The words for a value that should be an object.
pub(super) fn not_an_object(value: &Value) -> String {
    format!(
        "Expected a dictionary of items but got type \"{}\".",
        python_type(value)
    )
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

fn errors_of(validator: &Validator, value: &Value, root: &str) -> FieldErrors {
    let found: Vec<_> = validator.iter_errors(value).take(MAX_ERRORS).collect();
    let is_type_error =
        |error: &&ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
    let ill_typed: Vec<_> = found
        .iter()
        .filter(is_type_error)
        .map(|error| error.instance_path().as_str())
        .collect();
    let mut errors = FieldErrors::default();
    for error in &found {
        let path = dotted(root, error.instance_path());
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                errors.push(below(&path, key), "This field is required.".to_owned());
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for key in unexpected.iter().take(MAX_ERRORS) {
                    let message = "This is not a key of this action type.";
                    errors.push(below(&path, key), message.to_owned());
                }
            }
            ValidationErrorKind::Type { kind } => {
                errors.push(path, wrong_type(kind, error.instance()));
            }
            // Beside a wrong type, no further rule about the same value says anything.
            _ if ill_typed.contains(&error.instance_path().as_str()) => {}
            _ => errors.push(path, message_of(error)),
        }
    }
    errors
}

fn wrong_type(kind: &TypeKind, value: &Value) -> String {
    let allowed: Vec<JsonType> = match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(set) => set.iter().filter(|kind| *kind != JsonType::Null).collect(),
    };
    if value.is_null() {
        return "This field may not be null.".to_owned();
    }
    match allowed.as_slice() {
        [JsonType::Integer] => "A valid integer is required.".to_owned(),
        [JsonType::Number] => "A valid number is required.".to_owned(),
        [JsonType::String] => "Not a valid string.".to_owned(),
        [JsonType::Boolean] => "Must be a valid boolean.".to_owned(),
        [JsonType::Object] => not_an_object(value),
        [JsonType::Array] => {
            format!(
                "Expected a list of items but got type \"{}\".",
                python_type(value)
            )
        }
        [JsonType::Null] => "This field must be null.".to_owned(),
        several => {
            let words: Vec<_> = several.iter().map(|kind| kind.as_str()).collect();
            format!(
                "This field must be one of these types: {}.",
                words.join(", ")
            )
        }
    }
}

fn message_of(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Enum { options } => match brief(options) {
            Some(options) => format!("This is not one of the choices {options}."),
            None => "This is not one of the choices.".to_owned(),
        },
        Kind::Constant { expected_value } => match brief(expected_value) {
            Some(value) => format!("This must be {value}."),
            None => "This is not the value it must be.".to_owned(),
        },
        Kind::Pattern { pattern } if pattern.chars().count() <= MAX_ECHO_CHARS => {
            format!("This value does not match the required pattern {pattern}.")
        }
        Kind::Pattern { .. } | Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "This value does not match the required pattern.".to_owned()
        }
        Kind::MaxLength { limit } => format!("Ensure this field has no more than {limit} characters."),
        Kind::MinLength { limit: 1 } => "This field may not be blank.".to_owned(),
        Kind::MinLength { limit } => format!("Ensure this field has at least {limit} characters."),
        Kind::Maximum { limit } => format!("Ensure this value is less than or equal to {limit}."),
        Kind::Minimum { limit } => format!("Ensure this value is greater than or equal to {limit}."),
        Kind::ExclusiveMaximum { limit } => format!("Ensure this value is less than {limit}."),
        Kind::ExclusiveMinimum { limit } => format!("Ensure this value is greater than {limit}."),
        Kind::MaxItems { limit } => format!("Ensure this field has no more than {limit} elements."),
        Kind::AdditionalItems { limit } => format!("Ensure this field has no more than {limit} elements."),
        Kind::MinItems { limit: 1 } => "This list may not be empty.".to_owned(),
        Kind::MinItems { limit } => format!("Ensure this field has at least {limit} elements."),
        Kind::MaxProperties { limit } => format!("Ensure this field has no more than {limit} keys."),
        Kind::MinProperties { limit } => format!("Ensure this field has at least {limit} keys."),
        Kind::Format { format } => format!("This is not a valid {}.", cut(format)),
        Kind::UniqueItems => "No element may occur twice.".to_owned(),
        Kind::PropertyNames { .. } => "A key of this object is not allowed.".to_owned(),
        Kind::FalseSchema => "This is not a key of this action type.".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "This fits none of the allowed forms; see the schema of the action type.".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => {
            "This fits more than one of forms that exclude each other; see the schema of the action type."
                .to_owned()
        }
        kind => format!(
            "This does not fit the schema of the action type (rule \"{}\").",
            cut(kind.keyword())
        ),
    }
}

/// JSON short enough to repeat.
fn brief(value: &Value) -> Option<String> {
    let text = match value {
        Value::Array(items) => items
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    (text.chars().count() <= MAX_ECHO_CHARS).then_some(text)
}

fn cut(key: &str) -> String {
    match key.char_indices().nth(MAX_KEY_CHARS) {
        Some((at, _)) => format!("{}…", &key[..at]),
        None => key.to_owned(),
    }
}

fn below(path: &str, key: &str) -> String {
    format!("{path}.{}", cut(key))
}

fn dotted(root: &str, location: &Location) -> String {
    location
        .iter()
        .fold(root.to_owned(), |path, segment| match segment {
            LocationSegment::Property(key) => below(&path, &key),
            LocationSegment::Index(index) => format!("{path}.{index}"),
        })
}
