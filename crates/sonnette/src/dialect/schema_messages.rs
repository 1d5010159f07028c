//! The errors of JSON Schemas in the words of Django REST framework.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::field_errors::{child_path, cut};

/// The longest pattern or choice that a message repeats, in characters.
const MAX_SHOWN_VALUE_CHARS: usize = 120;

/// The error text for a value that is not an object.
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
        Value::Number(number) if number.as_str().contains(['.', 'e', 'E']) => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

pub(super) fn wrong_type(kind: &TypeKind, value: &Value) -> String {
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

pub(super) fn message_of(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Enum { options } => match shorten(options) {
            Some(options) => format!("This is not one of the choices {options}."),
            None => "This is not one of the choices.".to_owned(),
        },
        Kind::Constant { expected_value } => match shorten(expected_value) {
            Some(value) => format!("This must be {value}."),
            None => "This is not the value it must be.".to_owned(),
        },
        Kind::Pattern { pattern } if pattern.chars().count() <= MAX_SHOWN_VALUE_CHARS => {
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

/// The JSON text, if it is short enough to repeat in a message.
fn shorten(value: &Value) -> Option<String> {
    let text = match value {
        Value::Array(items) => items
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    (text.chars().count() <= MAX_SHOWN_VALUE_CHARS).then_some(text)
}

pub(super) fn dotted_path(root: &str, location: &Location) -> String {
    location
        .iter()
        .fold(root.to_owned(), |path, segment| match segment {
            LocationSegment::Property(key) => child_path(&path, &key),
            LocationSegment::Index(index) => format!("{path}.{index}"),
        })
}
